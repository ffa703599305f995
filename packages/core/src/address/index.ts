export { checkAddress, parseAddress, printAddress, type Address } from './address.js'
export { isMethodName, isName, isServiceName } from './names.js'
export { logLine, quoted } from './printable.js'
export { checkPattern, checkTopic, isPattern, isRoutersTopic, isTopic, MAX_TOPIC_LENGTH, nameEnd, topicMatches } from './topics.js'
