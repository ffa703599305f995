/** `npm run demo` as a process: its story, its end, and that it leaves nothing behind. */
import { afterAll, describe, expect, it } from 'vitest'
import { endChildren, isAlive, startNode } from './fixtures/children.js'

const DEMO = 'examples/dist/demo/main.js'

afterAll(() => endChildren())

describe.concurrent('the demo', { timeout: 40_000 }, () => {
  it('tells its whole story, ends with 0, and so does all that it started', async () => {
    const demo = startNode(DEMO)
    expect(await demo.ended).toEqual({ code: 0, signal: null })
    const story = demo.stdout
    const said = [
      /^ {3}router +pid \d+ +ws:\/\/127\.0\.0\.1:\d+$/m,
      /^ {3}→ Yes master\. I will bark hello\.$/m,
      /^ {3}█+░+ 1\/8 km, sniffing$/m,
      /^ {3}█+ 8\/8 km, wagging\n {3}→ home$/m,
      /^ {3}✗ Asleep: the dog sleeps until noon\n.*error\.dream === 'rabbits'$/m,
      /^ {3}✗ dog\.fly\(\) {2}NoSuchMethod, executed: no$/m,
      /^ {3}✗ dog\.bark\(42\) {2}BadArguments, executed: no\n.*expected text$/m,
      /^ {3}✗ \d+ ms later {2}WorkerLost, executed: maybe$/m,
      /^ {3}kennel2, pid \d+, hopped on and offers Dog 1\.2\.0/m,
      /^ {3}→ Yes master\. I will bark again\.$/m,
    ]
    expect(said.filter((line) => !line.test(story))).toEqual([])
    expect(said.map((line) => story.search(line))).toEqual(said.map((line) => story.search(line)).toSorted((left, right) => left - right))
    expect(demo.stderr).toBe('')
    // No terminal, no control characters.
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(story).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    const pids = pidsIn(story)
    expect(pids).toHaveLength(4)
    expect(pids.filter(isAlive)).toEqual([])
  })

  it.for([
    { signal: 'SIGINT', ended: { code: 130, signal: null } },
    { signal: 'SIGKILL', ended: { code: null, signal: 'SIGKILL' } },
  ] as const)('leaves nothing behind when $signal ends it in the middle', async ({ signal, ended }, { expect }) => {
    const demo = startNode(DEMO)
    await demo.prints(/2\/8 km/, 30_000)
    demo.kill(signal)
    expect(await demo.ended).toEqual(ended)
    const pids = pidsIn(demo.stdout)
    expect(pids).toHaveLength(3)
    await expect.poll(() => pids.filter(isAlive), { timeout: 5000 }).toEqual([])
  })
})

function pidsIn(text: string): number[] {
  return Array.from(text.matchAll(/pid (\d+)/g), ([, pid]) => Number(pid))
}
