// A broker's book, found by order: one list call in place of many look-ups.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/broker_connector.hpp"

namespace orchestrator::engine {

class BookIndex {
 public:
  explicit BookIndex(BrokerConnector::Book book);
  BookIndex(const BookIndex&) = delete;
  BookIndex& operator=(const BookIndex&) = delete;

  // nullptr: it is not in the book, which need not hold every order; or it is there more than once.
  [[nodiscard]] const BrokerOrder* by_client_order_id(const std::string& id) const;
  [[nodiscard]] bool several(const std::string& client_order_id) const;
  [[nodiscard]] const BrokerOrder* by_ext_order_id(const std::string& id) const;
  [[nodiscard]] const std::vector<BrokerOrder>& orders() const { return book_.orders; }
  // Orders sent before this are not in it; nullopt: all are.
  [[nodiscard]] const std::optional<Timestamp>& from() const { return book_.from; }
  [[nodiscard]] std::vector<Execution> executions_of(const std::string& ext_order_id) const;

 private:
  BrokerConnector::Book book_;
  std::map<std::string, const BrokerOrder*> by_client_;  // null: several
  std::map<std::string, const BrokerOrder*> by_ext_;     // likewise
  std::multimap<std::string, const Execution*> executions_;
};

}  // namespace orchestrator::engine
