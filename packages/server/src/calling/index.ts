export { callRoutes } from './routes.js'
export type { ConversationParts } from './conversation.js'
