import './node.js'

export {
  codes,
  currentCall,
  functions,
  registerError,
  RemoteException,
  RemoteObject,
  service,
  WaybillError,
  type Call,
  type CallOptions,
  type Code,
  type CurrentCall,
  type Duration,
  type Exceptional,
  type Executed,
  type FunctionService,
  type MethodDescription,
  type Outcome,
  type Progress,
  type Rejection,
  type Remote,
  type RemoteOptions,
  type ServiceDefinition,
  type ServiceDescription,
  type Status,
} from '@waybill/core'
export { Client, type CloseOptions, type ConnectionStatus } from './client.js'
export { connect, type ConnectOptions } from './connect.js'
export type { Incident } from './answers.js'
export type { Exposed } from './offers.js'
