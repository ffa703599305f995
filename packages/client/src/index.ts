import './node.js'

export {
  codes,
  currentCall,
  functions,
  registerError,
  RemoteException,
  RemoteObject,
  service,
  topic,
  WaybillError,
  type Call,
  type CallOptions,
  type Code,
  type CurrentCall,
  type Durability,
  type Duration,
  type EventGap,
  type Exceptional,
  type Executed,
  type Listener,
  type Fan,
  type Gathered,
  type Origin,
  type FunctionService,
  type MethodDescription,
  type Outcome,
  type Prepared,
  type Progress,
  type Receipt,
  type Rejection,
  type Remote,
  type RemoteOptions,
  type ServiceDefinition,
  type ServiceDescription,
  type Status,
  type Subscription,
  type TopicDefinition,
  type TopicEvent,
} from '@waybill/core'
export { Client, type CloseOptions, type ConnectionStatus } from './client.js'
export { connect, type ConnectOptions } from './connect.js'
export type { Incident } from './answers.js'
export type { Exposed } from './offers.js'
export type { PostbackListener } from './postbacks.js'
export type { Condition, ReceiptInfo, ReceiptQuery, ReceiptState } from './receipt-list.js'
