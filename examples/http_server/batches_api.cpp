// Batches and their reports.
#include "examples/http_server/driver.hpp"
#include "examples/http_server/parameters.hpp"
#include "examples/http_server/problem.hpp"
#include "examples/http_server/routes.hpp"

namespace orchestrator::http {
namespace {

constexpr std::int64_t kWaitMsMax = 60'000;

}  // namespace

Response list_batches(Service& service, Request& request) {
  Query given(request);
  BatchQuery query;
  query.tenant = request.caller.tenant;
  query.portfolio_id = given.id("portfolio_id");
  query.idempotency_key = given.text("idempotency_key");
  if (const auto word = given.text("status")) {
    query.status = parse_batch_status(*word);
    if (!query.status) {
      throw Error(ErrorCode::kInvalidArgument, "query parameter \"status\" is no status of a batch");
    }
  }
  const Page page(given);
  given.finish();
  page.apply(query);
  return {.body = page.json("batches", service.oms.batches(query))};
}

Response get_batch(Service& service, Request& request) {
  return {.body = to_json(batch_of(service.oms, request.caller, path_id(request, "batch")))};
}

Response wait_for_batch(Service& service, Request& request) {
  Query given(request);
  const auto timeout_ms = given.integer("timeout_ms", 0, kWaitMsMax).value_or(30'000);
  given.finish();
  const auto batch = batch_of(service.oms, request.caller, path_id(request, "batch"));
  Response response;
  Request asked;
  asked.id = request.id;
  asked.caller = request.caller;
  response.gone = std::make_shared<std::atomic<bool>>(false);
  response.later = [&service, id = batch.id, gone = response.gone, asked = std::move(asked),
                    stay = take_stay(service, request.caller),
                    timeout_ms](std::function<void(Response)> done) {
    const auto tell = [&service, id, asked, stay, done = std::move(done)](bool settled) {
      try {
        done({.body = std::string("{\"settled\":") + (settled ? "true" : "false") +
                      ",\"batch\":" + to_json(service.oms.get_batch(id)) + "}"});
      } catch (const Error& error) {
        done(problem(error, asked, service.log));
      } catch (const std::exception& error) {
        done(problem(Error(ErrorCode::kInternal, error.what()), asked, service.log));
      }
    };
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    service.feed.wait({id, until, tell, gone});
  };
  return response;
}

Response cancel_batch(Service& service, Request& request) {
  check_no_fields(request, service.limits);
  const auto batch = batch_of(service.oms, request.caller, path_id(request, "batch"));
  const auto orders = service.oms.cancel_batch(batch.id, name_of(service, request.caller));
  service.driver.wake();
  return {.body = "{\"orders\":" + json_array(orders) + "}"};
}

Response reconcile(Service& service, Request& request) {
  const auto batch = batch_of(service.oms, request.caller, path_id(request, "batch"));
  return {.body = to_json(service.oms.reconcile(batch.id))};
}

Response list_breaks(Service& service, Request& request) {
  const auto batch = batch_of(service.oms, request.caller, path_id(request, "batch"));
  const auto breaks = service.oms.compare_with_broker(batch.id);
  return {.body = "{\"batch_id\":" + std::to_string(batch.id) + ",\"breaks\":" + json_array(breaks) + "}"};
}

}  // namespace orchestrator::http
