export { Archive } from './archive.js'
export { UsedNumbers, type Former } from './used-numbers.js'
