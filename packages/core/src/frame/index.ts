export { executedFlag, executedOf } from './executed.js'
export { Flag, FrameType, Policy, Tag } from './types.js'
