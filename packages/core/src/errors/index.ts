export { disclosed, mintIncident } from './disclose.js'
export { codes } from './codes.js'
export { RemoteException, WaybillError, type ErrorTerms, type Exceptional } from './error.js'
export { isCode, type Code, type Executed } from './rules.js'
