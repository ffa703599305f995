export { executedFlag, executedOf } from './executed.js'
export { itemCost, streamConstants, TOWARD_CALLEE } from './streams.js'
export { Flag, FrameType, Policy, Tag } from './types.js'
