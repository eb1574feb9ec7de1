// The contract of OrderStore and ReferenceStore as doctest cases: run it against a store of your own.
//
//   #include <doctest/doctest.h>
//   #include <orchestrator/testing/order_store_contract.hpp>
//
//   TEST_CASE("my store keeps the contract") {
//     orchestrator::testing::order_store_contract([] { return make_my_store(); });
//   }
//
// doctest 2.4 or later is needed, included first; the library itself does not use it. `make` gives a new,
// empty store at every call. What only a durable store can promise (kills, full disks, several processes) is
// not here: such a backend has tests of its own for it.
#pragma once

#ifndef DOCTEST_LIBRARY_INCLUDED
#error "include <doctest/doctest.h> before orchestrator/testing/order_store_contract.hpp"
#endif

#include <functional>
#include <memory>

#include "orchestrator/testing/order_store_change_cases.hpp"
#include "orchestrator/testing/order_store_control_cases.hpp"
#include "orchestrator/testing/order_store_read_cases.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"

namespace orchestrator::testing {

using MakeStore = std::function<std::unique_ptr<Store>()>;

// Runs every case as a SUBCASE of the test case it is called from, each with a store of its own.
inline void order_store_contract(const MakeStore& make) {
  struct Case {
    const char* name;
    void (*check)(Store&);
  };
  static constexpr Case kCases[] = {
      {"accept stores what it was given", store::accept_stores_what_it_was_given},
      {"accept assigns growing ids before it composes", store::accept_assigns_growing_ids_before_it_composes},
      {"accept can claim in the same commit", store::accept_can_claim_in_the_same_commit},
      {"a key is used once per tenant and operation", store::a_key_is_used_once_per_tenant_and_operation},
      {"a key is answered before anything else is asked",
       store::a_key_is_answered_before_anything_else_is_asked},
      {"a unit decided on other reference data is refused",
       store::a_unit_decided_on_other_reference_data_is_refused},
      {"stop switches refuse batches", store::stop_switches_refuse_batches},
      {"margin and day limits hold", store::margin_and_day_limits_hold},
      {"a client order id exists once", store::a_client_order_id_exists_once},
      {"an exception while composing refuses the batch",
       store::an_exception_while_composing_refuses_the_batch},
      {"a unit that disagrees with itself is refused", store::a_unit_that_disagrees_with_itself_is_refused},
      {"racing twins make one batch", store::racing_twins_make_one_batch},
      {"margin is never exceeded by racing batches", store::margin_is_never_exceeded_by_racing_batches},
      {"claim takes the oldest up to the limit", store::claim_takes_the_oldest_up_to_the_limit},
      {"claim counts attempts and epochs", store::claim_counts_attempts_and_epochs},
      {"claim keeps to what was asked", store::claim_keeps_to_what_was_asked},
      {"claim can take an order in doubt", store::claim_can_take_an_order_in_doubt},
      {"a parked order is not claimed", store::a_parked_order_is_not_claimed},
      {"stop switches keep orders from being claimed", store::stop_switches_keep_orders_from_being_claimed},
      {"an order is claimed by one of many", store::an_order_is_claimed_by_one_of_many},
      {"commit writes all that may change of an order", store::commit_writes_all_that_may_change_of_an_order},
      {"an order is found by the broker's latest id", store::an_order_is_found_by_the_brokers_latest_id},
      {"an acknowledgement writes all that came with it",
       store::an_acknowledgement_writes_all_that_came_with_it},
      {"a commit tells whether reports wait", store::a_commit_tells_whether_reports_wait},
      {"commit conflicts by version and epoch", store::commit_conflicts_by_version_and_epoch},
      {"commit conflicts by batch version", store::commit_conflicts_by_batch_version},
      {"an execution takes effect once", store::an_execution_takes_effect_once},
      {"a unit is written whole or not at all", store::a_unit_is_written_whole_or_not_at_all},
      {"margin is taken and given back", store::margin_is_taken_and_given_back},
      {"racing changes of one order follow each other", store::racing_changes_of_one_order_follow_each_other},
      {"a refused unit affects no other", store::a_refused_unit_affects_no_other},
      {"events stay in the log and leave the outbox", store::events_stay_in_the_log_and_leave_the_outbox},
      {"a row that took the id of a published one stays in the outbox",
       store::a_row_that_took_the_id_of_a_published_one_stays_in_the_outbox},
      {"who has a role may ask again", store::who_has_a_role_may_ask_again},
      {"the inbox keeps reports until they are removed",
       store::the_inbox_keeps_reports_until_they_are_removed},
      {"the longest texts are kept and found", store::the_longest_texts_are_kept_and_found},
      {"cursors are kept per broker and account", store::cursors_are_kept_per_broker_and_account},
      {"expired keys leave their tombstones", store::expired_keys_leave_their_tombstones},
      {"every combination of order conditions holds", store::every_combination_of_order_conditions_holds},
      {"orders are counted by broker, status and parked",
       store::orders_are_counted_by_broker_status_and_parked},
      {"every combination of batch conditions holds", store::every_combination_of_batch_conditions_holds},
      {"a batch's status follows its orders", store::a_batchs_status_follows_its_orders},
      {"a living sender's order is abandoned when its lease is over",
       store::a_living_senders_order_is_abandoned_when_its_lease_is_over},
      {"a sender keeps its identity", store::a_sender_keeps_its_identity},
      {"instruments are kept by id", store::instruments_are_kept_by_id},
      {"brokers are kept by name", store::brokers_are_kept_by_name},
      {"limits apply by portfolio, with defaults", store::limits_apply_by_portfolio_with_defaults},
      {"routing rules come in the order they apply", store::routing_rules_come_in_the_order_they_apply},
      {"stop switches are kept by scope and target", store::stop_switches_are_kept_by_scope_and_target},
      {"every change of reference data makes another version",
       store::every_change_of_reference_data_makes_another_version},
      {"holidays add up per calendar", store::holidays_add_up_per_calendar},
      {"a request is refused by the switches that stop it",
       store::a_request_is_refused_by_the_switches_that_stop_it},
      {"both kinds of switches hold claims back", store::both_kinds_of_switches_hold_claims_back},
      {"a unit switches on what is not on already", store::a_unit_switches_on_what_is_not_on_already},
      {"a claim names the epoch it has seen", store::a_claim_names_the_epoch_it_has_seen},
      {"claims and requests share a rate limit", store::claims_and_requests_share_a_rate_limit},
      {"every change of a switch or reference data is in the trail",
       store::every_change_of_a_switch_or_reference_data_is_in_the_trail},
      {"the trail is a chain", store::the_trail_is_a_chain},
      {"a refused unit leaves no entry", store::a_refused_unit_leaves_no_entry},
      {"a book keeps its identity", store::a_book_keeps_its_identity},
      {"a sound store finds nothing wrong with itself", store::a_sound_store_finds_nothing_wrong_with_itself},
  };
  for (const Case& one : kCases) {
    SUBCASE(one.name) {
      const auto fresh = make();
      REQUIRE(fresh != nullptr);
      one.check(*fresh);
    }
  }
}

}  // namespace orchestrator::testing
