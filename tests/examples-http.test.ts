/** The examples that need no client of ours: curl, and Python's standard library, at a router as their READMEs start it. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Child } from './fixtures/children.js'
import { httpStage } from './http-stage.js'

/** Elsewhere than where these are, there is nobody to show it to. */
const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0
for (const command of ['curl', 'python3'])
  if (!has(command)) process.stderr.write(`some of tests/examples-http.test.ts is skipped: no ${command} is here\n`)
const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}`, import.meta.url))

test.skipIf(!has('curl'))('08-curl: the whole flow with curl alone, of a router that wants a token', async () => {
  await using s = await httpStage({ tokens: { me: 'secret' } })
  const child = new Child('/bin/sh', [example('08-curl/flow.sh')], { WAYBILL_URL: s.router.url!, WAYBILL_TOKEN: 'secret' })
  expect({ ...(await child.ended), stderr: child.stderr }, child.stdout).toEqual({ code: 0, signal: null, stderr: '' })
  expect(child.stdout.trimEnd().split('\n')).toEqual([
    '1  two names',
    '{"status":"registered","breed":"collie","name":"dog","concurrency":16}',
    '{"status":"registered","name":"walker","concurrency":16}',
    '2  the walker sends three bytes, and has a receipt',
    '3  the dog comes for what is there',
    ' 00 ff 10',
    '   of type image/x-paw, from walker',
    '4  it has it, and calls it 12345',
    '{"status":"received"}',
    '5  it works, and the receipt says so',
    '{"status":"started"}',
    '6  it answers',
    '{"status":"answered"}',
    '   and may do so once:',
    '{"code":"Answered"}',
    '7  the walker is told, and says that it knows',
    'three bytes (result)',
    '{"status":"received"}',
    '8  the receipt has it too, for an hour',
    'three bytes',
    '9  both leave',
    '{"status":"unregistered","name":"dog"}',
    '{"status":"unregistered","name":"walker"}',
  ])
})

test.skipIf(!has('curl'))('08-curl: it ends with another code where the router refuses, and says why', async () => {
  await using s = await httpStage({ tokens: { me: 'secret' } })
  const child = new Child('/bin/sh', [example('08-curl/flow.sh')], { WAYBILL_URL: s.router.url! })
  expect((await child.ended).code).not.toBe(0)
  expect(child.stdout).toContain('"code":"Unauthorized"')
})

test.skipIf(!has('python3'))('09-python: the whole flow in thirty lines of the standard library', async () => {
  const lines = readFileSync(example('09-python/flow.py'), 'utf8').trimEnd().split('\n')
  expect(lines.filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(30)
  expect(lines.filter((line) => line.includes('import'))).toEqual(['import json, os, threading, urllib.request'])
  await using s = await httpStage()
  const child = new Child('python3', ['-B', example('09-python/flow.py')], { WAYBILL_URL: s.router.url! })
  expect({ ...(await child.ended), stderr: child.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  // The dog and the walker each say what they have when they have it.
  expect(child.stdout.trimEnd().split('\n').toSorted()).toEqual([
    'the dog has 00ff10 of type image/x-paw from walker',
    'the walker has a receipt: received',
    'the walker is told: result {"bytes": 3}, of his receipt: True',
  ])
})
