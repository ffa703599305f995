// One process of a contender: relay, worker or caller. It obeys its parent's messages and ends when the parent is gone.
import { dialPublisher, listen, published, settled } from './events.mjs'
import { percentiles, run } from './load.mjs'
import { arrived, dialSender, receive, sentSoFar } from './one-way.mjs'

const [contender, role, lifetimeMs] = process.argv.slice(2)
const [folder, transport] = contender.split(':')
process.on('disconnect', () => process.exit(0))
setTimeout(() => process.exit(3), Number(lifetimeMs))

const module = await import(`./contenders/${folder}/${role}.mjs`)
const events = () => import(`./contenders/${folder}/events.mjs`)
const oneWay = () => import(`./contenders/${folder}/one-way.mjs`)
/** @type {import('./load.mjs').Call[]} */
let callers = []

/** What the parent may ask. */
const orders = {
  open: () => module.open(transport),
  serve: ({ url, callees }) => module.serve(url, callees),
  dial: async ({ url, callers: connections, addresses }) => {
    callers = await module.dial(url, connections, addresses)
  },
  listen: async ({ url, subscribers }) => listen(await events(), url, subscribers),
  dialPublisher: async ({ url }) => {
    callers = await dialPublisher(await events(), url)
  },
  receive: async ({ url }) => receive(await oneWay(), url),
  dialSender: async ({ url }) => {
    callers = await dialSender(await oneWay(), url)
  },
  sent: () => sentSoFar(),
  arrived: ({ count }) => arrived(count),
  published: () => published,
  settled: ({ events }) => settled(events),
  cpu: () => cpuUs(),
  warm: async (shape) => {
    await run(callers, shape)
  },
  run: async (shape) => {
    const before = cpuUs()
    const { calls, wallMs, latenciesUs } = await run(callers, shape)
    const spentUs = cpuUs() - before
    const [p50, p99] = percentiles(latenciesUs, [0.5, 0.99])
    return { calls, wallMs, cpuUs: spentUs, p50, p99 }
  },
  end: () => process.disconnect(),
}

function cpuUs() {
  const { user, system } = process.cpuUsage()
  return user + system
}

process.on('message', async ({ order, ...details }) => {
  try {
    const answer = await orders[order](details)
    if (process.connected) process.send({ answer })
  } catch (error) {
    if (process.connected) process.send({ failure: String(error?.stack ?? error) })
  }
})
process.send({ answer: 'ready' })
