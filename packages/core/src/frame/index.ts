export { executedFlag, executedOf } from './executed.js'
export { Flag, FrameType, Tag } from './types.js'
