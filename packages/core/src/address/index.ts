export { checkAddress, parseAddress, printAddress, type Address } from './address.js'
export { isName, isServiceName } from './names.js'
