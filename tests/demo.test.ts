/** `npm run demo` as a process: its story, its end, and that it leaves nothing behind. */
import { afterAll, describe, it } from 'vitest'
import { endChildren, isAlive, startNode } from './fixtures/children.js'
import { fixedScreenOf } from './fixtures/screen.js'

const DEMO = 'examples/dist/demo/main.js'

afterAll(() => endChildren())

describe.concurrent('the demo', { timeout: 75_000 }, () => {
  it('tells its whole story, ends with 0, and so does all that it started', async ({ expect }) => {
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
      /^ {3}sn [-0-9a-f]{36}\n.*clerk.*\n.*\n {3}→ home$/m,
      /^ {3}→ the clerk heard: started, 1 km, 2 km, home$/m,
      /^ {3}→ Yes master\. I will bark later\.$/m,
      /^ {3}✗ digging {2}Cancelled, executed: maybe\n.*\n {3}its process is gone/m,
      /^ {3}✗ \d+ ms later {2}WorkerLost, executed: maybe$/m,
      /^ {3}kennel2 +pid \d+ +offers Dog 1\.2\.0$/m,
      /^ {3}→ Yes master\. I will bark again\.$/m,
      /^ {3}→ hello, hello, hello!$/m,
      /^ {3}→ cottage 31 kg, island 31 kg, kennel2 30 kg$/m,
      /^ {3}→ cottage 31 kg, island 31 kg$/m,
      /^ {3}→ kennel2 30 kg$/m,
      /^ {3}→ 1 answer;/m,
      /^ {3}1 call still runs there/m,
      /^ {3}→ 31 kg, so version 2 weighed it\n.*\n {3}→ home$/m,
    ]
    expect(said.filter((line) => !line.test(story))).toEqual([])
    expect(said.map((line) => story.search(line))).toEqual(said.map((line) => story.search(line)).toSorted((left, right) => left - right))
    expect(demo.stderr).toBe('')
    // No terminal, no control characters.
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(story).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    // A wide terminal shows the same, with one line for the steps of a bar.
    const bars = story.replaceAll(/^ {3}[█░]+ (\d+)\/(?!\1 km).*\n/gm, '')
    // Where the machine is too busy to kill the digging in time, its caller waits for no more than that.
    const told = bars.replace(/(Cancelled, executed: maybe\n +the call was cancelled)$/m, '$1 while it ran')
    await expect(`${fixedScreenOf(told.replaceAll('\n', '\r\n'), 160)}[exit code 0]\n`).toMatchFileSnapshot('panes/demo-160.txt')
    const pids = pidsIn(story)
    expect(pids).toHaveLength(7)
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
