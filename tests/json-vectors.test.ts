/** The JSON door as PROTOCOL.md shows it: the conversation of the page is held, word by word, and its tables are the code's. */
import { readFileSync } from 'node:fs'
import { harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { KINDS, ROUTERS } from '../packages/server/src/gateways/json-messages.js'
import { MAX_MESSAGE_DEPTH } from '../packages/server/src/gateways/json-slices.js'
import { JsonStage } from './json-stage.js'
import { Document } from './vectors/document.js'

const protocol = new Document('PROTOCOL.md')
const section = protocol.text.split('\n## The JSON door\n')[1]!.split('\n## ')[0]!

/** What differs each time, as the page writes it. */
function masked(text: string): string {
  return text
    .replace(/"session":"[0-9a-f]{32}"/, '"session":"SESSION"')
    .replace(/"epoch":\d+/, '"epoch":1700000000000')
    .replace(/"cursor":\d+/, '"cursor":CURSOR')
    .replace(/"timestamp":"[-:.\dTZ]{24}"/, '"timestamp":"TIME"')
    .replace(/"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"/, '"SERIAL"')
}

describe('PROTOCOL.md', () => {
  test('the conversation', async () => {
    await using h = harness({ router: { name: 'depot' } })
    const stages = new Map<string, JsonStage>()
    const spoken = protocol.fence('text door').trim().split('\n')
    expect(spoken.length).toBeGreaterThan(40)
    for (const line of spoken) {
      const [, name, arrow, text] = /^(\w+) ([→←]) (.*)$/.exec(line)!
      if (!stages.has(name!)) stages.set(name!, new JsonStage(h))
      const stage = stages.get(name!)!
      if (arrow === '→') {
        stage.text(text!)
        // Long enough for an acknowledgement that nothing takes along.
        await h.advance(0)
        if (!text!.includes('"n":1,')) continue
        await h.advance(20)
      } else expect([name, masked(stage.texts.shift() ?? 'nothing')]).toEqual([name, text])
    }
    for (const [name, stage] of stages) {
      expect([name, stage.texts]).toEqual([name, []])
      stage.door.closed({ reason: '' })
    }
    await h.advance(1000)
  })

  test('the messages', () => {
    const rows = Array.from(section.matchAll(/^\| `(\w+)` \| ([\w, ]+) \|/gm), ([, name, from]) => [name!, from!] as const)
    const fromClients = rows.filter(([, from]) => /client|both/.test(from)).map(([name]) => name)
    expect(fromClients.toSorted()).toEqual([...KINDS].toSorted())
    const fromRouter = rows.filter(([, from]) => from === 'router').map(([name]) => name)
    expect(fromRouter.toSorted()).toEqual([...ROUTERS].toSorted())
    expect(section).toContain(`nesting at most ${MAX_MESSAGE_DEPTH}\ndeep`)
  })

  test('the reasons of signatures', () => {
    const source = ['signing', 'json-wrapper']
      .map((name) => readFileSync(new URL(`../packages/server/src/gateways/${name}.ts`, import.meta.url), 'utf8'))
      .join('')
    const inCode = new Set(Array.from(source.matchAll(/(?:refused\(|reason: )'(\w+)'/g), ([, reason]) => reason))
    const inText = /`details\.reason` is ([\s\S]*?)\. /.exec(section)![1]!.match(/\w+(?=`)/g)!
    expect([...inCode].toSorted()).toEqual(inText.toSorted())
  })
})
