# CallWaiting's commands. `make` alone lists them.

# SwiftPM lets an undeclared import pass once the other module is built; Package.swift is our dependency rule.
swift_flags = --explicit-target-dependency-import-check error
# Swift checks at run time that nothing is changed while it is being changed. The debug builds that the tests run do so;
# here it would be a tenth of what a request costs.
release_flags = -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked

# demo, dev and test share one debug .build; `make build` has .build-release, so that neither undoes the other's work.
dev = .build/debug/callwaiting-dev

.PHONY: help demo dev env test drills attack bench build install uninstall dist schema format lint clean
.DEFAULT_GOAL := help

help: ## list these commands
	@echo "CallWaiting: AI voice agents on your own machine"
	@echo
	@awk -F ': ## ' '/^[a-z]+: ## / { gsub(/[$$][$$]/, "$$"); printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the whole job once: sign up, ask an agent, hear it, reach the limit, pay, go on
	@deploy/setup demo
	@echo "Building (some minutes the first time, seconds afterwards)"
	@swift build $(swift_flags)
	@$(dev) demo

dev: ## keep the development host running on http://127.0.0.1:3000 (options: args="--port 0 --reset --cgi")
	@deploy/setup demo
	@echo "Building (some minutes the first time, seconds afterwards)"
	@swift build $(swift_flags)
	@$(dev) serve $(args)

env: ## what make dev runs, as shell variables: eval "$$(make -s env)"
	@$(dev) env

test: ## every test, Swift and SQL
	@deploy/setup test
	@Tests/Attack/prepare .build-attack || { [ -z "$$CI" ] && echo "without Schemathesis and Supabase's client: their tests are skipped"; }
	@echo "Building with tests (some minutes the first time)"
	@swift build $(swift_flags) --build-tests
	swift test $(swift_flags) --skip-build --no-parallel
	$(dev) with-postgres -- sql/tests/run
	$(dev) with-postgres -- sql/dump --check
	docs/check-tests

attack: ## what hostile callers would try, at full length, 12 minutes; says how many cases of each kind it tried
	@deploy/setup test
	@Tests/Attack/prepare .build-attack
	@swift build $(swift_flags) --build-tests
	@Tests/Attack/run $(args)

build: ## release build of callwaiting and callwaiting-cgi into .build-release/release, Swift's library linked in
	@deploy/setup demo
	swift build $(swift_flags) $(release_flags) --scratch-path .build-release --product callwaiting
	swift build $(swift_flags) $(release_flags) --scratch-path .build-release --product callwaiting-cgi
	@ls -lh .build-release/release/callwaiting .build-release/release/callwaiting-cgi

drills: ## break things on purpose, and see whether the books still agree; writes docs/reliability.md (args="--only 2")
	@deploy/setup test
	@swift build $(swift_flags)
	@.build/debug/callwaiting-drills $(args)

bench: build ## measure it beside PHP, Go, Node, Python and C, 20 minutes; writes docs/benchmarks.md (args="--quick")
	@deploy/setup bench
	@swift build $(swift_flags) $(release_flags) --scratch-path .build-release --product callwaiting-bench
	@Tests/Benchmarks/peers/prepare .build-bench
	@.build-release/release/callwaiting-bench run $(args)

install: ## put the release build in place (as root; PREFIX=/usr/local, DESTDIR=, SYSCONFDIR=/etc)
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) SYSCONFDIR=$(SYSCONFDIR) VERSION=$(VERSION) deploy/install

uninstall: ## remove what make install put in place; changed settings stay
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) SYSCONFDIR=$(SYSCONFDIR) deploy/install --uninstall

dist: ## pack the release build for machines without Swift: callwaiting-<version>.tar.gz
	@VERSION=$(VERSION) deploy/install --pack .

schema: ## write sql/schema.sql anew, after a new migration
	@$(dev) with-postgres -- sql/dump

format: ## format every Swift file
	swift format --in-place --parallel --recursive Functions Runtime Tests Package.swift

lint: ## say what `make format` would change, and what it cannot
	swift format lint --strict --parallel --recursive Functions Runtime Tests Package.swift

clean: ## remove what building made; development data stays (make dev args=--reset starts that over)
	rm -rf .build .build-release .build-attack .build-bench
