/**
 * What people see: commands in a terminal of 60 and of 160 columns, held against the screens in `tests/panes/` (`npx vitest run tests/panes.test.ts
 * -u` writes them anew). Skipped where there is no `script` of util-linux.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endChildren, startRouter, startWorker } from './fixtures/children.js'
import { hasTerminal, Pane, screenOf } from './fixtures/pane.js'

const COMMAND = 'packages/cli/bin/waybill.js'

it('a screen is what the characters make of it', () => {
  expect(screenOf('ab\r\ncd\rx', 10)).toBe('ab\nxd\n')
  expect(screenOf('bar 1\r\u001B[2Kbar', 10)).toBe('bar\n')
  expect(screenOf('abcdef', 3)).toBe('abc\ndef\n')
  expect(screenOf('abc\r\ndef', 3)).toBe('abc\ndef\n')
  expect(screenOf('1\r\n2\r\u001B[1A\u001B[2Kone', 10)).toBe('one\n2\n')
  expect(screenOf('\u001B[1mbold\u001B[22m', 10)).toBe('bold\n')
  expect(() => screenOf('\u001B[2J', 10)).toThrow('CSI 2J')
})

describe.skipIf(!hasTerminal)('panes', { timeout: 75_000 }, () => {
  let url: string

  beforeAll(async () => {
    ;({ url } = await startRouter())
    await startWorker(url)
    await startWorker(url, { NAME: 'cottage', VERSION: '2.0.0' })
  })
  afterAll(() => endChildren())

  const pane = (columns: number, ...args: string[]): Pane => new Pane(columns, COMMAND, args, { WAYBILL_URL: url })
  const golden = async (screen: string, name: string): Promise<void> => {
    await expect(screen).toMatchFileSnapshot(`panes/${name}.txt`)
  }

  describe.each([60, 160])('of %i columns', (columns) => {
    it.each([
      ['help', '--help'],
      ['help-call', 'call', '--help'],
      ['services', 'services'],
      ['clients', 'clients'],
      ['call', 'call', 'Dog.rich'],
      ['call-exception', 'call', 'Dog.fail'],
      ['call-fault', 'call', 'Dog.fault'],
      ['call-no-service', 'call', 'Cat.meow'],
      ['usage', 'call', 'Dog'],
      ['ping', 'ping'],
    ])('%s', async (name, ...args) => {
      const screen = await pane(columns, ...args).end()
      expect(screen.split('\n').filter((line) => line.length > columns)).toEqual([])
      await golden(screen, `${name}-${columns}`)
    })

    it('call, while it runs and when it has ended', async () => {
      const walking = pane(columns, 'call', 'kennel/Dog.walk', '8')
      await golden(await walking.when(/2\/8 {2}25%/), `call-progress-${columns}`)
      await golden(await walking.end(), `call-ended-${columns}`)
    })

    it('describe', async () => {
      await golden(await new Pane(columns, 'tests/fixtures/described.mjs', []).end(), `describe-${columns}`)
    })

    it('the demo', async () => {
      await golden(await new Pane(columns, 'examples/dist/demo/main.js', [], { DEMO_PAUSE_MS: '0' }).end(), `demo-${columns}`)
    })
  })
})
