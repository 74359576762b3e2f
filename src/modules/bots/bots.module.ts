import { Module } from '@nestjs/common';
import { PlansModule } from '../plans/index.ts';
import { BotsData } from './bots-data.ts';
import { BotsController } from './bots.controller.ts';
import { BotsRepository } from './bots.repository.ts';
import { BotsService } from './bots.service.ts';
import { PublishedBots } from './published-bots.ts';

/** Bots. */
@Module({
  imports: [PlansModule],
  controllers: [BotsController],
  providers: [BotsRepository, BotsService, PublishedBots, BotsData],
  exports: [BotsService, PublishedBots],
})
export class BotsModule {}
