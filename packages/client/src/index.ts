export * from './door.js'
export { connect } from './in-node.js'
