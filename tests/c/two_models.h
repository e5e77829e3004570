/* two_models.h - a table of two models under two caps. */
#ifndef TWO_MODELS_H
#define TWO_MODELS_H

#include "alert.h"

/* Model 0 is traditional, model 1 anytime. */
static const double LATENCY[] = {1.0, 0.5, 2.0, 1.0}, POWER[] = {10.0, 20.0, 10.0, 20.0};
static const double ACCURACY[] = {0.6, 0.8}, CAP[] = {10.0, 20.0};
static const size_t EXITS[] = {0, 2};
static const double FRACTION[] = {0.25, 1.0}, REACHED[] = {0.5, 0.8};

static inline alert_profile_data good_table(void)
{
    return (alert_profile_data){.models = 2,
                                .caps = 2,
                                .latency_s = LATENCY,
                                .power_w = POWER,
                                .accuracy = ACCURACY,
                                .power_cap_w = CAP,
                                .idle_power_w = 2.0,
                                .exit_count = EXITS,
                                .exit_fraction = FRACTION,
                                .exit_accuracy = REACHED};
}

#endif
