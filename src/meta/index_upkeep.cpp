#include "meta/index_upkeep.hpp"

#include <algorithm>

#include "meta/batcher.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::meta {

Task<Result<Bytes>> order_alone(Runtime& runtime, ordering::EmbeddedLog& log,
                                const IndexMachine& machine, const crypto::MachineSigner& signer,
                                Verb verb, Bytes command) {
  Batcher batcher(runtime, log, machine, signer);
  Result<Bytes> reply = co_await batcher.order_one(verb, std::move(command));
  co_await batcher.stop();
  co_return reply;
}

Task<Result<void>> take_seat(Runtime& runtime, ordering::EmbeddedLog& log,
                             const IndexMachine& machine, const crypto::MachineSigner& signer,
                             MetaKeyChain chain) {
  const auto& seats = machine.params().meta_keys;
  if (std::ranges::find(seats, signer.public_key()) != seats.end()) co_return Result<void>{};
  const bool leads_here = !chain.links.empty() && chain.links.back().next == signer.public_key();
  if (!leads_here || seat_of(chain, seats) == seats.size()) {
    co_return fail(Errc::peer_not_trusted, "this machine's key is none of the zone's meta nodes'");
  }
  RotateMetaKey command;
  command.chain = std::move(chain);
  Bytes encoded = codec::encode(command);
  STRATOS_CO_CHECK(co_await order_alone(runtime, log, machine, signer, RotateMetaKey::kVerb,
                                        std::move(encoded)));
  co_return Result<void>{};
}

Task<Result<void>> take_seat_in(Runtime& runtime, io::FileSystem& fs, std::string folder,
                                std::string network, const crypto::MachineSigner& signer,
                                MetaKeyChain chain) {
  STRATOS_CO_TRY(const std::unique_ptr<kv::Store> store,
                 kv::open_rocks(fs, folder + "/index", kv::RocksOptions{}));
  STRATOS_CO_TRY(const std::unique_ptr<IndexMachine> machine, IndexMachine::open(*store));
  ordering::LogOptions options;
  options.network = network;
  ordering::Genesis genesis;
  genesis.network = std::move(network);
  STRATOS_CO_TRY(const std::unique_ptr<ordering::EmbeddedLog> log,
                 co_await ordering::EmbeddedLog::open(runtime, fs, folder + "/log", *machine,
                                                      std::move(genesis), options));
  const auto taken = co_await take_seat(runtime, *log, *machine, signer, std::move(chain));
  co_await log->stop();
  co_return taken;
}

}  // namespace stratos::meta
