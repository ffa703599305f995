export { Archive } from './archive.js'
