import { Module } from '@nestjs/common';
import { BotsController } from './bots.controller.ts';
import { BotsRepository } from './bots.repository.ts';
import { BotsService } from './bots.service.ts';
import { PublishedBots } from './published-bots.ts';

/** Bots. */
@Module({ controllers: [BotsController], providers: [BotsRepository, BotsService, PublishedBots], exports: [BotsService, PublishedBots] })
export class BotsModule {}
