export { Conversations } from './conversations.js'
export { Offered, type OfferedService } from './offered.js'
export { callRoutes } from './routes.js'
export type { ConversationParts } from './conversation.js'
