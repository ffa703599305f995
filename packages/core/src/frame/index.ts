export { executedFlag, executedOf } from './executed.js'
export { isOfStream, itemCost, streamConstants, TOWARD_CALLEE } from './streams.js'
export { Flag, FrameType, Policy, Tag } from './types.js'
