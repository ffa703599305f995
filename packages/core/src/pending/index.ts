export { FifoSet } from './fifo-set.js'
export { Queue } from './queue.js'
export { Ring } from './ring.js'
export { Timed, Wheel } from './wheel.js'
