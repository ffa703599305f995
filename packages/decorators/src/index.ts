export { Local } from './local.js'
export { Method } from './method.js'
export { Remote } from './remote.js'
export type { DualClass, DualMethod, LocalDecoration, MethodDecoration, RemoteDecoration } from './types.js'
export {
  currentCall,
  registerError,
  RemoteObject,
  WaybillError,
  type Call,
  type CurrentCall,
  type ErrorClass,
  type Exceptional,
  type MethodTerms,
  type Progress,
  type ServiceTerms,
} from '@waybill/core'
