/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables.h - what iptables-legacy translates; apart, for its headers get on with no others.
 */
#pragma once
#include <stdbool.h>

/*
 * zt_iptables_nat - look at the nat tables of this namespace, if they are in use.
 * @out:    set when OUTPUT holds rules, or when it cannot be told; else left alone.
 * @tables: raised by one per family whose nat table holds rules.
 */
void zt_iptables_nat(bool *out, unsigned int *tables);
