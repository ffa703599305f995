/** What a page loads where it offers something. With what its bodies may need, which it loads too, so that no part of both is a chunk of its own. */
import './beyond.js'
export { Serving } from './serving.js'
