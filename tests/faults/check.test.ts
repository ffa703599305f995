/** The checker of the fault harness over logs that are written here: it finds nothing in honest ones, and each lie that is planted in them. */
import { verdictOf, type Line, type Verdict } from '@waybill/testkit/faults'
import { describe, expect, test } from 'vitest'

type Told = Omit<Line, 't' | 'w' | 'i'> & { readonly e: Line['e'] }

/** Logs of one caller and two workers, in the order in which things happen. */
class Logs {
  readonly lines: Line[] = []
  #atMs = 1000

  /** Each line comes 10 ms after the one before. */
  say(who: string, line: Told, afterMs = 10): this {
    this.#atMs += afterMs
    this.lines.push({ t: this.#atMs, w: 0, i: who, ...line } as Line)
    return this
  }

  attempt(sn: string, more: { cls?: 'once' | 'again' | 'nobody'; stored?: boolean; key?: string; n?: number; i?: string } = {}): this {
    const { i = 'caller-0.1', ...rest } = more
    const n = more.n ?? this.lines.length
    return this.say(i, { e: 'attempted', sn, cls: 'once', stored: true, bytes: 10, sum: 7, ...rest, n } as Told)
  }

  stored(sn: string, durability: 'memory' | 'disk' = 'disk'): this {
    return this.say('caller-0.1', { e: 'stored', sn, durability } as Told)
  }

  starts(sn: string, worker = 'worker-0.1', more: { attempt?: number; cls?: 'once' | 'again'; key?: string; sum?: number } = {}): this {
    return this.say(worker, { e: 'started', sn, attempt: 1, cls: 'once', sum: 7, ...more } as Told)
  }

  finishes(sn: string, worker = 'worker-0.1', attempt = 1): this {
    return this.say(worker, { e: 'finished', sn, attempt, result: `${worker} ${sn}` } as Told)
  }

  ok(sn: string, worker = 'worker-0.1'): this {
    return this.say('caller-0.1', { e: 'ok', sn, result: `${worker} ${sn}` } as Told)
  }

  fails(sn: string, executed: 'no' | 'yes', code = 'Expired'): this {
    return this.say('caller-0.1', { e: 'failed', sn, code, executed } as Told)
  }

  doubts(sn: string, code = 'WorkerLost'): this {
    return this.say('caller-0.1', { e: 'indeterminate', sn, code } as Told)
  }

  ends(who: string, how: 'killed' | 'asked' = 'killed'): this {
    return this.say('harness', { e: 'ended', who, how } as Told)
  }

  audit(sn: string, line: Record<string, unknown>): this {
    return this.say('audit', { sn, ...line } as unknown as Told)
  }

  verdict(): Promise<Verdict> {
    return verdictOf(this.lines)
  }

  async checks(): Promise<readonly string[]> {
    return [...new Set((await this.verdict()).violations.map(({ check }) => check))]
  }
}

/** A call as it should be. */
const honest = (logs: Logs, sn: string): Logs => logs.attempt(sn).stored(sn).starts(sn).finishes(sn).ok(sn)

describe('honest logs', () => {
  test('hold nothing, and are counted', async () => {
    const logs = honest(new Logs(), 'a').audit('a', { e: 'ok', audit: true, result: 'worker-0.1 a' })
    logs.attempt('b', { stored: false }).starts('b').ends('worker-0.1').doubts('b')
    logs.attempt('c', { cls: 'nobody' }).stored('c').fails('c', 'no')
    logs.attempt('d', { cls: 'again' }).stored('d').starts('d', 'worker-1.1').ends('worker-1.1')
    logs.starts('d', 'worker-2.1', { attempt: 2 }).finishes('d', 'worker-2.1', 2).ok('d', 'worker-2.1')
    logs.attempt('e').stored('e').starts('e', 'worker-2.1').ends('worker-2.1').doubts('e')
    logs.attempt('f').starts('f', 'worker-3.1').finishes('f', 'worker-3.1').audit('f', { e: 'ok', audit: true, result: 'worker-3.1 f' })
    const { violations, figures } = await logs.verdict()
    expect(violations).toEqual([])
    expect(figures).toMatchObject({
      attempted: 6,
      acknowledged: 4,
      ok: 3,
      failedNo: 1,
      indeterminate: 1,
      mostIndeterminate: 48,
      unknown: 2,
      recovered: 1,
      redelivered: 1,
      lost: 0,
      duplicated: 0,
      runs: 6,
    })
  })

  test('how long it took to come back', async () => {
    const logs = new Logs()
    logs.say('harness', { e: 'spawned', who: 'worker-0.1' } as Told).say('harness', { e: 'router-spawned' })
    logs.say('harness', { e: 'router-ready', tookMs: 10 } as Told).say('worker-0.1', { e: 'connected' })
    const { figures } = await honest(logs, 'a').verdict()
    expect(figures.recoveries).toEqual([{ readyMs: 10, firstMs: 50, allMs: 20 }])
  })
})

describe('a lie is found:', () => {
  const lies: readonly (readonly [string, string, (logs: Logs) => Logs])[] = [
    ['an acknowledged call that nobody hears of again', 'not ended', (logs) => logs.attempt('x').stored('x')],
    [
      'one that its caller is told not to exist',
      'lost',
      (logs) =>
        logs
          .attempt('x')
          .stored('x')
          .say('caller-0.1', { e: 'gone', sn: 'x' } as Told),
    ],
    ['one that the router does not know in the end', 'lost', (logs) => honest(logs, 'x').audit('x', { e: 'absent' })],
    ['one that is still pending', 'not ended', (logs) => logs.attempt('x').stored('x').audit('x', { e: 'pending', state: 'handed' })],
    ['another result than before', 'changed', (logs) => honest(logs, 'x').audit('x', { e: 'ok', audit: true, result: 'other' })],
    [
      'a failure where there was a result',
      'changed',
      (logs) => honest(logs, 'x').audit('x', { e: 'indeterminate', audit: true, code: 'WorkerLost' }),
    ],
    ['a result that nobody made', 'result from nowhere', (logs) => logs.attempt('x').stored('x').starts('x').ok('x')],
    [
      'a second run of what may run once',
      'duplicated',
      (logs) =>
        logs
          .attempt('x')
          .stored('x')
          .starts('x')
          .ends('worker-0.1')
          .starts('x', 'worker-1.1')
          .finishes('x', 'worker-1.1')
          .ok('x', 'worker-1.1'),
    ],
    [
      'a second run of a live call',
      'duplicated',
      (logs) => logs.attempt('x', { cls: 'again', stored: false }).starts('x').finishes('x').starts('x', 'worker-1.1').ok('x'),
    ],
    ['a run of what nobody called', 'unexpected', (logs) => logs.starts('x')],
    [
      'a body that changed on its way',
      'body changed',
      (logs) => logs.attempt('x').stored('x').starts('x', 'worker-0.1', { sum: 8 }).finishes('x').ok('x'),
    ],
    ['`no` after a run', 'no, and it ran', (logs) => logs.attempt('x').stored('x').starts('x').fails('x', 'no')],
    [
      '`no` for a call that was never acknowledged, and runs afterwards',
      'no, and it ran',
      (logs) => logs.attempt('x').fails('x', 'no', 'RouterLost').starts('x').finishes('x'),
    ],
    ['`yes` without a run', 'yes, and it did not run', (logs) => logs.attempt('x').stored('x').fails('x', 'yes', 'RemoteException')],
    ['`maybe` in calm', 'maybe without a reason', (logs) => logs.attempt('x').stored('x').starts('x').finishes('x').doubts('x')],
    [
      '`maybe` where another worker was lost than the one that ran it',
      'maybe without a reason',
      (logs) => logs.attempt('x').stored('x').starts('x').ends('worker-1.1').finishes('x').doubts('x'),
    ],
    [
      '`maybe` for what nobody ever offered',
      'maybe without a reason',
      (logs) => logs.attempt('x', { cls: 'nobody' }).stored('x').ends('worker-0.1').doubts('x', 'DeadlineExceeded'),
    ],
    [
      '`maybe` for what is idempotent, and could have run again',
      'maybe without a reason',
      (logs) => logs.attempt('x', { cls: 'again' }).stored('x').starts('x').ends('worker-0.1').doubts('x'),
    ],
    [
      'more in doubt than the lost worker can have had',
      'too many in doubt',
      (logs) => {
        const sns = Array.from({ length: 17 }, (_, at) => `x${at}`)
        for (const sn of sns) logs.attempt(sn).stored(sn)
        logs.ends('worker-0.1')
        for (const sn of sns) logs.doubts(sn)
        return logs
      },
    ],
    [
      'an overlap within an order key',
      'overlap',
      (logs) => {
        for (const sn of ['x', 'y']) logs.attempt(sn, { key: 'k' }).stored(sn)
        logs.starts('x', 'worker-0.1', { key: 'k' }).starts('y', 'worker-1.1', { key: 'k' })
        return logs.finishes('x').ok('x').finishes('y', 'worker-1.1').ok('y', 'worker-1.1')
      },
    ],
    [
      'a later call of a key before the earlier one',
      'order',
      (logs) => {
        for (const sn of ['x', 'y']) logs.attempt(sn, { key: 'k' }).stored(sn)
        return logs.starts('y').finishes('y').ok('y').starts('x').finishes('x').ok('x')
      },
    ],
    [
      'a process that ended by itself',
      'ended by itself',
      (logs) => logs.say('harness', { e: 'died', who: 'router-1', how: 'exit 1' } as Told),
    ],
    ['a caller that waits for ever', 'not drained', (logs) => logs.say('harness', { e: 'undrained', who: 'caller-0.1', open: 3 } as Told)],
  ]
  test.each(lies)('%s', async (_, check, plant) => {
    // Some lies break a second promise with the first.
    expect(await plant(honest(new Logs(), 'a')).checks()).toContain(check)
  })
})

describe('what is no lie:', () => {
  test('stored in memory, and forgotten with its router', async () => {
    const logs = new Logs().say('harness', { e: 'router-spawned' }).attempt('x').stored('x', 'memory').ends('router-1')
    const { violations, figures } = await logs.say('caller-0.1', { e: 'gone', sn: 'x' } as Told).verdict()
    expect(violations).toEqual([])
    expect(figures.forgiven).toBe(1)
  })

  test('what is stored on disk does not go with its router', async () => {
    const logs = new Logs().say('harness', { e: 'router-spawned' }).attempt('x').stored('x').ends('router-1')
    expect(await logs.say('caller-0.1', { e: 'gone', sn: 'x' } as Told).checks()).toEqual(['lost'])
  })

  test('an overlap with a run at somebody who is away', async () => {
    const logs = new Logs()
    for (const sn of ['x', 'y']) logs.attempt(sn, { key: 'k', cls: 'again' }).stored(sn)
    logs.starts('x', 'worker-0.1', { key: 'k' })
    logs.say('harness', { e: 'away', who: 'worker-0.1', why: 'stop worker', forMs: 20_000 } as Told)
    logs.starts('x', 'worker-1.1', { key: 'k', attempt: 2 }).finishes('x', 'worker-1.1', 2).ok('x', 'worker-1.1')
    logs.starts('y', 'worker-1.1', { key: 'k' }).finishes('y', 'worker-1.1').ok('y', 'worker-1.1').finishes('x')
    const { violations, figures } = await logs.verdict()
    expect(violations).toEqual([])
    expect(figures).toMatchObject({ redelivered: 1, excusedOverlaps: 2 })
  })

  test('a run that ended with its worker lets the next one begin', async () => {
    const logs = new Logs()
    for (const sn of ['x', 'y']) logs.attempt(sn, { key: 'k' }).stored(sn)
    logs.starts('x', 'worker-0.1', { key: 'k' }).ends('worker-0.1').doubts('x')
    expect(await logs.starts('y', 'worker-1.1', { key: 'k' }).finishes('y', 'worker-1.1').ok('y', 'worker-1.1').checks()).toEqual([])
  })
})
