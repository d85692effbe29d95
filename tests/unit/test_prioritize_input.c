// SPDX-License-Identifier: Apache-2.0
/*
 * test_prioritize_input.c - inventories as people and spreadsheets write them, and those that are
 * wrong: every error at its row and column.
 */
#include "prioritize_rig.h"

/* --- inventories ---------------------------------------------------------------------------------
 */

/* Excel's: a mark, semicolons or tabs, CRLF, quotes, empty rows and columns, TRUE and FALSE. */
static void test_excel(void **state)
{
	static const char *const texts[] = {
		"\xef\xbb\xbf系統代號,場域,是否存有客戶個資？\r\na,遠距辦公,TRUE\r\n",
		"id;fields;customer_personal_data\r\na;remote_work;是\r\n;;\r\n",
		"id\tfields\tcustomer_personal_data\t\t\r\na\tremote_work\tYES\t\t\r\n",
		"sep=;\r\nid;fields;customer_personal_data\r\n\"a\";\"remote_work\";\"V\"",
		"id,fields,customer_personal_data\ra,\"remote_work\n\",有\r",
		"ID , Fields,Customer_Personal_Data\n a ,　遠距辦公　,1\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		zt_auto(zt_json_decref) json_t *doc = rank(texts[i]);

		assert_int_equal(ztc_int(json_object_get(doc, "totals"), "systems"), 1);
		assert_string_equal(answer(doc, "a", "high_risk"), "yes");
		assert_int_equal(ztc_int(system_of(doc, "a"), "rank"), 1);
	}
}

static void check_refused(const char *text, size_t len, bool yaml, const char *why)
{
	struct ztc_inventory inv;

	if (load(&inv, text, len, yaml) == 0)
		fail_msg("taken: %.200s", text);
	if (!strstr(zt_strbuf_text(&inv.errors), why))
		fail_msg("%.200s\nsays %s, not %s", text, zt_strbuf_text(&inv.errors), why);
	ztc_inventory_free(&inv);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} csv[] = {
		{"id,user\na,5\n", "row 2, column B: '5' is no level of user"},
		{"id,nonsense\na,1\n", "row 1, column B: no column is called 'nonsense'"},
		{"id,user,User\na,1,1\n", "row 1, column C: column 'User' is there twice"},
		{"name\nx\n", "there is no column 'id'"},
		{"id\na\nb\na\n", "row 4: id 'a' is there twice"},
		{"id,user\n,3\n", "row 2: a system without id"},
		{"id,user\na\n", "row 2: 1 cells where the heading has 2"},
		{"id,user\na,3,9\n", "row 2, column C: a cell without a heading"},
		{"id,user\n\"a,3\n", "row 2, column A: a quote is not closed"},
		{"id,user\n\"a\"b,3\n", "row 2, column A: text behind a closing quote"},
		{"id,user\na\"b,3\n", "a quote inside a cell"},
		{"id,rto_hours\na,soon\n", "row 2, column B: 'soon' is no number of hours"},
		{"id,rto_hours\na,-1\n", "is no number of hours"},
		{"id,rto_hours\na,1e9\n", "is no number of hours"},
		{"id,rto_hours\na,99999999999999999999\n", "is no number of hours"},
		{"id,cost_ntd\na,\"1,00\"\n", "is no amount of NTD"},
		{"id,cost,cost_ntd\na,1,5000000\n", "give one of them"},
		{"id,customer_personal_data\na,x\n", "'x' is neither yes nor no"},
		{"id,fields\na,moon\n", "'moon' is no field"},
		{"id,service_model\na,XaaS\n", "'XaaS' is no service model"},
		{"id,user\xbf\na,3\n", "it is not UTF-8"},
		{"\xff\xfei\n", "UTF-16"},
		{"id,user\na,\x07\n", "control characters"},
		{"", "there is no system in it"},
		{"id,user\n", "there is no system in it"},
	};
	static const struct {
		const char *text, *why;
	} yaml[] = {
		{"- id: a\n  user: 4\n", ":2:9: '4' is no level of user"},
		{"- id: a\n  moon: 1\n", ":2:3: nothing is called 'moon' here"},
		{"- id: a\n- id: a\n", ":2:3: id 'a' is there twice"},
		{"- id: a\n  name: [x, y]\n", "'name' takes one value"},
		{"- id: a\n  data: {user: 3}\n", "nothing is called 'user' here"},
		{"systems: {a: 1}\nmoon: 2\n", "not 'moon'"},
		{"just text\n", "this is no list of systems"},
		{"- just text\n", "a system is a mapping"},
		{"- id: &a a\n  name: *a\n", ":"},
		{"- id: [\n", ":"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(csv); i++)
		check_refused(csv[i].text, strlen(csv[i].text), false, csv[i].why);
	for (size_t i = 0; i < ARRAY_SIZE(yaml); i++)
		check_refused(yaml[i].text, strlen(yaml[i].text), true, yaml[i].why);
	check_refused("id\na\0b\n", 7, false, "NUL bytes");
}

/* All errors at once, each at its place. */
static void test_all_errors(void **state)
{
	struct ztc_inventory inv;
	static const char text[] = "id,user,device\na,9,9\nb,1,9\na,1,1\n";

	(void)state;
	assert_int_equal(load(&inv, text, strlen(text), false), -EINVAL);
	assert_int_equal(inv.error_count, 4);
	ztc_inventory_free(&inv);
}

/* A file that goes with the assessment's --system is an inventory of one. */
static void test_system_json(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = rank_as(
		"{\"id\": \"s\", \"name_zh\": \"櫃檯e化系統\", \"fields\": [\"remote_work\"],"
		" \"service_model\": \"IaaS\", \"hosts\": [\"a\", \"b\"],"
		" \"data\": {\"customer_pii\": true, \"customer_tx\": false, \"employee_pii\": "
		"false},"
		" \"rto_hours\": 8.5, \"non_automated_service\": false,"
		" \"factors\": {\"user\": 3, \"resource_location\": 3, \"privilege\": 2, \"device\": "
		"1, \"system_data\": 3, \"connection\": 2},"
		" \"impact\": {\"operations\": 1, \"process\": 1, \"training\": 1, \"technology\": 1, "
		"\"cost\": 1}, \"owner\": \"x\", \"reviewed_at\": \"2026-01-05\"}",
		true, ZTC_METHOD_BOTH, 0);
	const json_t *s = system_of(doc, "s");

	(void)state;
	is_range(s, "tier", 1, 1);
	is_range(s, "risk", 14, 14);
	is_range(s, "impact", 5, 5);
	assert_int_equal(json_array_size(json_object_get(s, "hosts")), 2);
	assert_int_equal(json_array_size(json_object_get(s, "fields")), 2); /* and cloud_access */
}

/* Whatever bytes come, cells stay within the text and rows within the cells. */
static void test_any_bytes(void **state)
{
	static const char seed[] =
		"\xef\xbb\xbfsep=;\r\nid;\"a \"\"b\"\";;\n\"x\ny\",\t'=1\r\xe5\xa0\xb4";
	static const char alphabet[] = "\",;\t\r\n=a\xe5\xa0\xb4\xff";
	unsigned int random = 1, good = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct ztc_csv csv = {0};
		char text[sizeof(seed)];
		const char *why = NULL;
		size_t len;

		memcpy(text, seed, sizeof(seed));
		for (int n = 0; n < 6; n++) {
			random = random * 1103515245 + 12345;
			text[(random >> 8) % (sizeof(seed) - 1)] =
				alphabet[(random >> 20) % (sizeof(alphabet) - 1)];
		}
		len = (random >> 4) % sizeof(seed);
		if (ztc_csv_parse(&csv, text, len, &why) == 0) {
			size_t cells = csv.row_count ? csv.rows[csv.row_count] : 0;

			good++;
			assert_int_equal(cells, csv.cell_count);
			for (size_t i = 0; i < cells; i++) {
				assert_true(csv.cells[i].text >= csv.text);
				assert_true(csv.cells[i].text + csv.cells[i].len <=
					    csv.text + len + 1);
				assert_int_equal(csv.cells[i].text[csv.cells[i].len], '\0');
			}
		} else {
			assert_non_null(why);
		}
		ztc_csv_free(&csv);
	}
	assert_true(good > 100 && good < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_excel),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_all_errors), cmocka_unit_test(test_system_json),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
