export { callAtHand, currentCall, installCallStorage, runInCall, type Caller, type CallStorage, type CurrentCall } from './current-call.js'
export { iterateInCall } from './iterate.js'
