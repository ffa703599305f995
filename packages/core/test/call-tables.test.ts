/** The tables of a call's life on its three sides and of a session's on its two: every state × event, and what follows of them. */
import { describe, expect, it } from 'vitest'
import {
  calleeHolder,
  calleeTable,
  callerHolder,
  callerTable,
  executed,
  routerHolder,
  routerTable,
  type Holder,
  type Table,
} from '../src/call/index.js'
import { clientSession, routerSession } from '../src/session/index.js'

type AnyTable = Readonly<Record<string, Readonly<Record<string, string>>>>

/** `.` wrong, `=` stays, else the first letters of the next state. */
function drawn(table: AnyTable): string[] {
  const width = Math.max(...Object.keys(table).map((state) => state.length))
  return Object.entries(table).map(
    ([state, row]) =>
      `${state.padEnd(width)} ${Object.values(row)
        .map((next) => (next === 'wrong' ? '.' : next === 'stay' ? '=' : next.slice(0, 3)))
        .join(' ')}`,
  )
}

/** Every way through the table from a state, as far as it leads somewhere new. */
function reachable(table: AnyTable, from: string): Set<string> {
  const seen = new Set([from])
  const open = [from]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const next of Object.values(table[state]!)) {
      if (next === 'wrong' || next === 'stay' || seen.has(next)) continue
      seen.add(next)
      open.push(next)
    }
  }
  return seen
}

describe('the caller', () => {
  it('write stored accepted started progress result exception rejected returned retried givenUp sessionLost closed', () => {
    expect(Object.keys(callerTable.waiting).join(' ')).toBe(
      'write stored accepted started progress result exception rejected returned retried givenUp sessionLost closed',
    )
    expect(drawn(callerTable)).toEqual([
      'waiting  wri . . . . . . . . . set = set',
      'written  . sto acc sta sta set set set wai wai set set set',
      'stored   . . = = = set set set . . set = set',
      'accepted . . . sta sta set set set wai wai set set set',
      'started  . . . . = set set . . wai set set set',
      'settled  . = = = = = = = = = = = =',
    ])
  })
})

describe('the router', () => {
  it('refuse store hold lease hand accepted started progress result exception rejected cancel deadline callerLost calleeLost calleeAway calleeBack redeliver', () => {
    expect(Object.keys(routerTable.received).join(' ')).toBe(
      'refuse store hold lease hand accepted started progress result exception rejected cancel deadline callerLost calleeLost calleeAway calleeBack redeliver',
    )
    expect(drawn(routerTable)).toEqual([
      'received set sto que . han . . . . . . set set set . . . .',
      'stored   . . que lea . . . . . . . set set = . . . .',
      'queued   set . = lea han . . . . . . set set set = . . .',
      'leased   set . . . han . . . . . . set set = que . . que',
      'handed   . . . . . acc sta sta set set set = set set set awa . que',
      'accepted . . . . . . sta sta set set set = set set set awa . que',
      'started  . . . . . . . = set set . = set set set awa . que',
      'away     . . . . . . . . . . . = set = set . han que',
      'settled  . . . . . = = = = = = = = = = = = =',
    ])
  })
})

describe('the callee', () => {
  it('start refuse returned threw cancel cancelGraceOver sessionLost leaseVoid', () => {
    expect(Object.keys(calleeTable.queued).join(' ')).toBe('start refuse returned threw cancel cancelGraceOver sessionLost leaseVoid')
    expect(drawn(calleeTable)).toEqual([
      'queued    run set . . set . set set',
      'running   . . set set = aba aba aba',
      'abandoned . . set set = = = =',
      'settled   . . . . = = = =',
    ])
  })
})

describe('all three', () => {
  const tables: readonly (readonly [string, Table<string, string>, string])[] = [
    ['caller', callerTable, 'waiting'],
    ['router', routerTable, 'received'],
    ['callee', calleeTable, 'queued'],
  ]
  it.each(tables)('%s: every state is reached, every row is total, every state ends', (_side, table, first) => {
    expect(reachable(table, first)).toEqual(new Set(Object.keys(table)))
    const events = Object.keys(table[first]!)
    for (const [state, row] of Object.entries(table)) {
      expect(Object.keys(row)).toEqual(events)
      for (const next of Object.values(row)) expect(['stay', 'wrong', ...Object.keys(table)]).toContain(next)
      if (state !== 'settled') expect(reachable(table, state).has('settled'), state).toBe(true)
    }
  })

  it.each(tables)('%s: settled is for good, so a terminal word counts once', (_side, table) => {
    expect(reachable(table, 'settled')).toEqual(new Set(['settled']))
    for (const next of Object.values(table['settled']!)) expect(['stay', 'wrong']).toContain(next)
  })

  it.each(tables)('%s: no walk settles twice', (_side, table, first) => {
    const walk = (state: string, settled: number, depth: number): void => {
      expect(settled).toBeLessThanOrEqual(1)
      if (depth === 0) return
      for (const next of Object.values(table[state]!)) {
        if (next === 'wrong' || next === 'stay') continue
        walk(next, settled + (next === 'settled' ? 1 : 0), depth - 1)
      }
    }
    walk(first, 0, 6)
  })
})

describe('executed', () => {
  const verdicts: Readonly<Record<Holder, string>> = {
    caller: 'no',
    router: 'no',
    calleeBeforeStart: 'no',
    callee: 'maybe',
    calleeDone: 'yes',
  }
  it('follows from who last held the call', () => {
    for (const [holder, verdict] of Object.entries(verdicts)) expect([holder, executed(holder as Holder)]).toEqual([holder, verdict])
  })

  it('on every path on which a side ends a call by itself', () => {
    // caller: what was never written did not run; anything else may have.
    expect((['waiting', 'written', 'accepted', 'started'] as const).map((state) => executed(callerHolder(state)))).toEqual([
      'no',
      'maybe',
      'maybe',
      'maybe',
    ])
    // router: what was never handed over did not run.
    expect((['received', 'queued', 'handed', 'accepted', 'started'] as const).map((state) => executed(routerHolder(state)))).toEqual([
      'no',
      'no',
      'maybe',
      'maybe',
      'maybe',
    ])
    // callee: before the start no, after its own word yes, in between maybe.
    expect((['queued', 'running', 'abandoned', 'settled'] as const).map((state) => executed(calleeHolder(state)))).toEqual([
      'no',
      'maybe',
      'maybe',
      'yes',
    ])
  })

  it('no is never said of a call that an event could have started before', () => {
    for (const state of Object.keys(routerTable) as (keyof typeof routerTable)[]) {
      if (executed(routerHolder(state)) !== 'no') continue
      // Whoever holds a call in such a state has not given it to anybody who could answer.
      for (const word of ['accepted', 'started', 'progress', 'result', 'exception', 'rejected'] as const)
        expect(routerTable[state][word]).toBe('wrong')
    }
    for (const state of Object.keys(calleeTable) as (keyof typeof calleeTable)[]) {
      if (executed(calleeHolder(state)) === 'no')
        expect([calleeTable[state].returned, calleeTable[state].threw]).toEqual(['wrong', 'wrong'])
    }
    for (const state of Object.keys(callerTable) as (keyof typeof callerTable)[]) {
      if (executed(callerHolder(state)) === 'no') expect(callerTable[state].result).toBe('wrong')
    }
  })
})

describe('a session', () => {
  it('at the client', () => {
    const events = Object.keys(clientSession.opening)
    for (const row of Object.values(clientSession)) expect(Object.keys(row)).toEqual(events)
    const states = reachable(clientSession, 'opening')
    expect([...states].toSorted()).toEqual(Object.keys(clientSession).toSorted())
    for (const state of states) expect(reachable(clientSession, state).has('ended')).toBe(true)
    expect(reachable(clientSession, 'ended')).toEqual(new Set(['ended']))
    expect([clientSession.open.linkEnded, clientSession.broken.connected, clientSession.open.connected]).toEqual([
      'broken',
      'open',
      'wrong',
    ])
  })

  it('at the router', () => {
    const events = Object.keys(routerSession.open)
    for (const row of Object.values(routerSession)) expect(Object.keys(row)).toEqual(events)
    for (const state of Object.keys(routerSession)) expect(reachable(routerSession, state).has('ended')).toBe(true)
    expect(reachable(routerSession, 'ended')).toEqual(new Set(['ended']))
    // It outlives its link, but not its grace, nor a goodbye, nor another process that takes its name.
    expect([routerSession.open.linkEnded, routerSession.detached.resumed, routerSession.open.resumed]).toEqual(['detached', 'open', 'open'])
    expect([routerSession.detached.graceOver, routerSession.open.goodbye, routerSession.detached.superseded]).toEqual([
      'ended',
      'ended',
      'ended',
    ])
    expect(routerSession.ended.resumed).toBe('wrong')
  })
})
