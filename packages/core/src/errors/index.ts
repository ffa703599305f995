export { disclosed, mintIncident } from './disclose.js'
export { codes, isCode, type Code, type Executed } from './codes.js'
export { RemoteException, WaybillError, type ErrorTerms, type Exceptional } from './error.js'
