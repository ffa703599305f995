export * from './door.js'
export { connect } from './in-page.js'
