export { ConfigModule } from './config.module.ts';
export { configTable, envExample } from './document.ts';
export { ConfigError, type ConfigTopic, type ConfigValues, defineTopic, entry, loadTopics, setting } from './topic.ts';
