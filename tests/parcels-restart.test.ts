/** The flow of parcels with the router killed between any two of its steps, and in the midst of each: the receipt tells the truth, nothing is lost. */
import { Parcel } from '@waybill/core'
import { expect, test } from 'vitest'
import { parcelStage, textOf, type ParcelStage } from './parcels-stage.js'

/** What the flow has come to. Each step is what a program does again that has heard no answer. */
interface Flow {
  sn: string
  id: string
}

interface Step {
  readonly name: string
  /** What a door asks for it; safe when that resolves. */
  does(s: ParcelStage, flow: Flow): Promise<unknown>
  /** The state of the receipt from then on, also at a later start of the router. */
  readonly state: string
}

const poll = (s: ParcelStage, name: string): Promise<{ id: string; kind: string; attempt: number } & Parameters<typeof textOf>[0]> =>
  s.parcels.receive('local', name, 60_000, 5000, new AbortController().signal) as never

const steps: readonly Step[] = [
  {
    name: 'stored',
    does: async (s, flow) => {
      flow.sn = (await s.parcels.dispatch('local', { to: 'dog', from: 'walker', key: 'k' }, new Parcel('WUFF'))).receipt.sn
    },
    state: 'stored',
  },
  {
    name: 'given to the poller',
    does: async (s, flow) => {
      const item = await poll(s, 'dog')
      expect([item.kind, textOf(item)]).toEqual(['parcel', 'WUFF'])
      // The same however often it is handed over.
      if (flow.id !== '') expect(item.id).toBe(flow.id)
      flow.id = item.id
    },
    state: 'handed',
  },
  { name: 'acknowledged', does: (s, { id }) => s.parcels.received('local', id), state: 'started' },
  { name: 'answered', does: (s, { id }) => s.parcels.postback('local', id, new Parcel('done')), state: 'succeeded' },
  {
    name: 'told to the sender',
    does: async (s, { sn }) => {
      const item = await poll(s, 'walker')
      expect([item.kind, item.id, textOf(item)]).toEqual(['result', sn, 'done'])
    },
    state: 'succeeded',
  },
  { name: 'known to the sender', does: (s, { sn }) => s.parcels.received('local', sn), state: 'succeeded' },
]

/** As a program does that has heard no answer: it may have been done, or the parcel is on its way again, and has to be come for. */
async function again(s: ParcelStage, step: Step, flow: Flow): Promise<void> {
  const does = async (): Promise<string | undefined> =>
    step.does(s, flow).then(
      () => undefined,
      (error: { code: string }) => error.code,
    )
  const refusal = await s.h.until(does())
  if (refusal === undefined || refusal === 'Answered') return
  expect(refusal).toBe('Rejected')
  await s.h.until(steps[1]!.does(s, flow))
  await s.h.until(step.does(s, flow))
}

test.each(steps.map((step, index) => [step.name, index] as const))(
  'once it is %s, a start of the router goes on from there',
  async (_name, last) => {
    await using s = parcelStage()
    for (const name of ['dog', 'walker']) await s.register(name)
    const flow: Flow = { sn: '', id: '' }
    for (const step of steps.slice(0, last + 1)) await s.h.until(step.does(s, flow))
    await s.h.restartRouter()
    const { state } = steps[last]!
    if (state === 'stored' || state === 'handed') {
      // It was acknowledged by nobody, and so is handed over anew.
      await s.h.until(steps[1]!.does(s, flow))
      expect(await s.state(flow.sn)).toBe('handed')
    } else {
      expect(await s.state(flow.sn)).toBe(state)
      const more = await s.h.until(s.parcels.receive('local', 'dog', 1000, 5000, new AbortController().signal))
      expect(more).toBeUndefined()
    }
    for (const step of steps.slice(Math.max(2, last + 1))) {
      // What the sender did not acknowledge comes again.
      if (step.name === 'known to the sender') await s.h.until(steps[4]!.does(s, flow))
      await s.h.until(step.does(s, flow))
    }
    expect([await s.state(flow.sn), await s.outcome(flow.sn)]).toEqual(['succeeded', 'done'])
    expect(await s.h.until(s.parcels.receive('local', 'walker', 1000, 5000, new AbortController().signal))).toBeUndefined()
    await expect(s.postback(flow.id, 'again')).rejects.toMatchObject({ code: 'Answered' })
  },
)

/** A write takes 10 ms; killed so long after it was asked for. */
const moments = [0, 5, 11, 15, 25]
test.each(steps.flatMap((step, index) => moments.map((ms) => [step.name, ms, index] as const)))(
  'while it is being %s, %i ms after that was asked for, a kill loses nothing, and who asks again is answered',
  async (_name, ms, last) => {
    await using s = parcelStage({ writeMs: 10 })
    for (const name of ['dog', 'walker']) await s.register(name)
    const flow: Flow = { sn: '', id: '' }
    for (const step of steps.slice(0, last)) await s.h.until(step.does(s, flow))
    void steps[last]!.does(s, flow).catch(() => {})
    await s.h.advance(ms)
    await s.h.restartRouter()
    for (const step of steps.slice(last)) await again(s, step, flow)
    expect([await s.state(flow.sn), await s.outcome(flow.sn)]).toEqual(['succeeded', 'done'])
    expect((await s.receipt(flow.sn)).attempts).toBeLessThanOrEqual(2)
  },
)
