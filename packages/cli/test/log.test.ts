/** The lines of `waybill start` on stderr. */
import { expect, test } from 'vitest'
import { logTo } from '../src/log.js'
import type { Terminal } from '../src/terminal.js'

function terminalOf(lines: string[]): Terminal {
  const err = { write: (text: string) => lines.push(text.slice(0, -1)) }
  return { out: err, err, env: {}, onInterrupt: () => () => {}, exit: () => {}, input: async function* () {} }
}

const unsafe = 'a\n2026 error forged \u001b[2J\u0085\u202e"'

test('one line each, whatever stands in it, and nothing that a terminal obeys', () => {
  for (const format of ['pretty', 'json'] as const) {
    const lines: string[] = []
    const log = logTo(terminalOf(lines), 'debug', format, () => 0)
    log.info({ client: 'kennel', why: unsafe }, 'client left')
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(lines[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
    if (format === 'json')
      expect(JSON.parse(lines[0]!)).toEqual({
        time: '1970-01-01T00:00:00.000Z',
        level: 'info',
        event: 'client left',
        client: 'kennel',
        why: unsafe,
      })
    else expect(lines[0]).toMatch(/^00:00:00 info {2}client left client=kennel why="a\\/)
  }
})

test('only from the level on', () => {
  const lines: string[] = []
  const log = logTo(terminalOf(lines), 'warn', 'pretty')
  log.debug({}, 'a')
  log.info({}, 'b')
  log.warn({}, 'c')
  log.error({}, 'd')
  expect(lines.map((line) => line.slice(-1))).toEqual(['c', 'd'])
})
