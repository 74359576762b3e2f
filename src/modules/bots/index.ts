export { botErrors } from './bots.errors.ts';
export { BotsModule } from './bots.module.ts';
export { type BotSettings, Metadata } from './bots.schemas.ts';
export { BotsService } from './bots.service.ts';
export { type PublishedBot, PublishedBots } from './published-bots.ts';
