import { Module } from '@nestjs/common';
import { InjectionController } from './injection.controller.ts';
import { InjectionService } from './injection.service.ts';

/** The detector of attacks on instructions, over the API. */
@Module({ controllers: [InjectionController], providers: [InjectionService] })
export class InjectionModule {}
