/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cppcheck.h - macros of libraries whose headers cppcheck is not shown; for tests/check only.
 */
#pragma once
#define json_array_foreach(array, index, value)                                                    \
	for (index = 0; index < json_array_size(array) && (value = json_array_get(array, index));  \
	     index++)
#define json_object_foreach(object, key, value)                                                    \
	for (key = first_key(object); key && (value = json_object_get(object, key));               \
	     key = next_key(object))
#define LIBBPF_OPTS(type, name, ...) struct type name = {.sz = sizeof(struct type), __VA_ARGS__}
#define DECLARE_LIBBPF_OPTS	     LIBBPF_OPTS
#define bpf_object__for_each_program(pos, obj)                                                     \
	for (pos = next_program(obj, 0); pos; pos = next_program(obj, pos))
#define bpf_object__for_each_map(pos, obj)                                                         \
	for (pos = next_map(obj, 0); pos; pos = next_map(obj, pos))
#define nla_for_each_nested(pos, nest, rest)                                                       \
	for (pos = first_attr(nest, &rest); pos; pos = next_attr(pos, &rest))
