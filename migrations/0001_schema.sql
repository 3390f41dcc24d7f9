-- +goose Up

-- The first schema: businesses, people, catalogue, stock, sales, restaurant, credit, projects, credentials.
-- Money is bigint in the currency's smallest unit, quantities numeric(14,3), instants timestamptz, days date.
-- Tenant tables carry business_id first in their key, so that one index serves both "this row" and "this business",
-- and foreign keys between them are composite: a row cannot point into another business.
-- Row-level security, grants and the functions asked before a business is known: 0002_tenancy.sql.

-- uuid_v7 (RFC 9562, 5.7): milliseconds first, so that new keys land at the right edge of an index.
-- +goose StatementBegin
CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
      52, 1), 53, 1), 'hex')::uuid
$$;
-- +goose StatementEnd

-- fold makes two spellings of a word equal: accents off, then lower case, in that order because lower() knows only
-- ASCII under the C locale.
-- +goose StatementBegin
CREATE FUNCTION fold(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT lower(regexp_replace(normalize(t, NFKD), U&'[\0300-\036F]', '', 'g'))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- Businesses and people ---------------------------------------------------------------------------------------------

CREATE TABLE business (
  id                uuid PRIMARY KEY DEFAULT uuid_v7(),
  name              text NOT NULL CHECK (name <> ''),
  business_type     text NOT NULL CHECK (business_type IN ('retail', 'restaurant', 'services')),
  industry_segment  text NOT NULL DEFAULT '',
  currency_code     text NOT NULL DEFAULT 'GTQ' CHECK (currency_code ~ '^[A-Z]{3}$'), -- two decimals
  timezone          text NOT NULL DEFAULT 'America/Guatemala',
  day_cut           time NOT NULL DEFAULT '00:00',
  locale            text NOT NULL DEFAULT 'es-GT',
  plan              text NOT NULL DEFAULT 'free',
  status            text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'closed')),
  tax_rate_bp       int  NOT NULL DEFAULT 1200 CHECK (tax_rate_bp BETWEEN 0 AND 10000),
  onboarding_status text NOT NULL DEFAULT 'completed',
  guardrails        jsonb NOT NULL DEFAULT '{}',
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "user" (
  id           uuid PRIMARY KEY DEFAULT uuid_v7(),
  firebase_uid text UNIQUE,
  email        text NOT NULL UNIQUE,
  display_name text NOT NULL,
  is_active    boolean NOT NULL DEFAULT true,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE business_user (
  business_id      uuid NOT NULL REFERENCES business,
  user_id          uuid NOT NULL REFERENCES "user",
  unique_role_name text NOT NULL, -- owner, admin, manager, cashier, …
  is_active        boolean NOT NULL DEFAULT true,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, user_id)
);
CREATE INDEX business_user_user ON business_user (user_id); -- the businesses of a person

CREATE TABLE module (
  name       text PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO module (name) VALUES ('pos'), ('inventory'), ('restaurant'), ('psa'), ('receivables'), ('fel');

CREATE TABLE business_module (
  business_id uuid NOT NULL REFERENCES business,
  module      text NOT NULL REFERENCES module,
  is_active   boolean NOT NULL DEFAULT true,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, module)
);

CREATE TABLE location (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  name        text NOT NULL CHECK (name <> ''),
  address     text NOT NULL DEFAULT '',
  timezone    text NOT NULL DEFAULT 'America/Guatemala',
  is_active   boolean NOT NULL DEFAULT true,
  hours       jsonb NOT NULL DEFAULT '{}', -- {"mon":["08:00","20:00"], …}; a day left out is closed
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);

-- Catalogue ---------------------------------------------------------------------------------------------------------

CREATE TABLE category (
  business_id   uuid NOT NULL REFERENCES business,
  id            uuid NOT NULL DEFAULT uuid_v7(),
  name          text NOT NULL CHECK (name <> ''),
  category_code text NOT NULL DEFAULT '',
  parent_id     uuid,
  is_active     boolean NOT NULL DEFAULT true,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, parent_id) REFERENCES category (business_id, id)
);

CREATE TABLE product (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  category_id uuid,
  name        text NOT NULL CHECK (name <> ''),
  sku         text NOT NULL DEFAULT '',
  barcode     text NOT NULL DEFAULT '',
  kind        text NOT NULL DEFAULT 'good' CHECK (kind IN ('good', 'service', 'menu_item')),
  price_minor bigint CHECK (price_minor >= 0), -- null: no price yet
  cost_minor  bigint CHECK (cost_minor >= 0),  -- null: cost not known
  unit        text NOT NULL DEFAULT 'unidad',
  tax_rate_bp int NOT NULL DEFAULT 1200 CHECK (tax_rate_bp BETWEEN 0 AND 10000),
  track_stock boolean NOT NULL DEFAULT true,
  status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'unavailable')),
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, category_id) REFERENCES category (business_id, id)
);
CREATE INDEX product_name ON product (business_id, fold(name), id); -- get_products: by name, paged
CREATE INDEX product_sku ON product (business_id, sku) WHERE sku <> '';

CREATE TABLE product_variant (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  product_id  uuid NOT NULL,
  name        text NOT NULL DEFAULT '',
  sku         text NOT NULL DEFAULT '',
  barcode     text NOT NULL DEFAULT '',
  price_minor bigint CHECK (price_minor >= 0),
  cost_minor  bigint CHECK (cost_minor >= 0),
  is_default  boolean NOT NULL DEFAULT false,
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, product_id) REFERENCES product (business_id, id)
);
CREATE INDEX product_variant_product ON product_variant (business_id, product_id);
CREATE UNIQUE INDEX product_variant_default ON product_variant (business_id, product_id) WHERE is_default;

-- A product's price, cost, sku and barcode equal its default variant's, whichever of the two is written.
-- Each side writes only on a difference, so the pair of triggers settles after one step.
-- +goose StatementBegin
CREATE FUNCTION product_follows_variant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE product SET price_minor = NEW.price_minor, cost_minor = NEW.cost_minor, sku = NEW.sku, barcode = NEW.barcode
  WHERE business_id = NEW.business_id AND id = NEW.product_id
    AND (price_minor, cost_minor, sku, barcode) IS DISTINCT FROM (NEW.price_minor, NEW.cost_minor, NEW.sku, NEW.barcode);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER product_follows AFTER INSERT OR UPDATE OF price_minor, cost_minor, sku, barcode, is_default
  ON product_variant FOR EACH ROW WHEN (NEW.is_default) EXECUTE FUNCTION product_follows_variant();
-- +goose StatementBegin
CREATE FUNCTION variant_follows_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE product_variant SET price_minor = NEW.price_minor, cost_minor = NEW.cost_minor, sku = NEW.sku, barcode = NEW.barcode
  WHERE business_id = NEW.business_id AND product_id = NEW.id AND is_default
    AND (price_minor, cost_minor, sku, barcode) IS DISTINCT FROM (NEW.price_minor, NEW.cost_minor, NEW.sku, NEW.barcode);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER variant_follows AFTER UPDATE OF price_minor, cost_minor, sku, barcode
  ON product FOR EACH ROW EXECUTE FUNCTION variant_follows_product();

CREATE TABLE price_history (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  variant_id  uuid NOT NULL,
  price_minor bigint CHECK (price_minor >= 0),
  cost_minor  bigint CHECK (cost_minor >= 0),
  valid_from  timestamptz NOT NULL,
  changed_by  uuid REFERENCES "user",
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, variant_id) REFERENCES product_variant (business_id, id)
);
CREATE INDEX price_history_variant ON price_history (business_id, variant_id, valid_from);

CREATE TABLE supplier (
  business_id    uuid NOT NULL REFERENCES business,
  id             uuid NOT NULL DEFAULT uuid_v7(),
  name           text NOT NULL CHECK (name <> ''),
  lead_time_days int NOT NULL DEFAULT 7 CHECK (lead_time_days >= 0),
  is_active      boolean NOT NULL DEFAULT true,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);

CREATE TABLE product_supplier (
  business_id uuid NOT NULL REFERENCES business,
  variant_id  uuid NOT NULL,
  supplier_id uuid NOT NULL,
  cost_minor  bigint CHECK (cost_minor >= 0),
  pack_size   numeric(14,3) NOT NULL DEFAULT 1 CHECK (pack_size > 0),
  moq         numeric(14,3) NOT NULL DEFAULT 1 CHECK (moq > 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, variant_id, supplier_id),
  FOREIGN KEY (business_id, variant_id) REFERENCES product_variant (business_id, id),
  FOREIGN KEY (business_id, supplier_id) REFERENCES supplier (business_id, id)
);

CREATE TABLE customer (
  business_id        uuid NOT NULL REFERENCES business,
  id                 uuid NOT NULL DEFAULT uuid_v7(),
  name               text NOT NULL CHECK (name <> ''),
  tax_id             text NOT NULL DEFAULT '', -- NIT; 'CF' is the final consumer
  tax_name           text NOT NULL DEFAULT '',
  tax_address        text NOT NULL DEFAULT '',
  phone              text NOT NULL DEFAULT '',
  email              text NOT NULL DEFAULT '',
  credit_limit_minor bigint NOT NULL DEFAULT 0 CHECK (credit_limit_minor >= 0),
  external_source    text, -- set by an import, with external_number: the customer's number there
  external_number    text,
  is_active          boolean NOT NULL DEFAULT true,
  version            int NOT NULL DEFAULT 1,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);
CREATE UNIQUE INDEX customer_external ON customer (business_id, external_source, external_number); -- import: known customers

-- Stock -------------------------------------------------------------------------------------------------------------

CREATE TABLE inventory (
  business_id   uuid NOT NULL REFERENCES business,
  location_id   uuid NOT NULL,
  variant_id    uuid NOT NULL,
  quantity      numeric(14,3) NOT NULL DEFAULT 0, -- Σ inventory_ledger.delta
  reserved      numeric(14,3) NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  cost_minor    bigint CHECK (cost_minor >= 0),
  reorder_point numeric(14,3) CHECK (reorder_point >= 0),
  target_days   int CHECK (target_days >= 0),
  version       int NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, variant_id, location_id),
  FOREIGN KEY (business_id, location_id) REFERENCES location (business_id, id),
  FOREIGN KEY (business_id, variant_id) REFERENCES product_variant (business_id, id)
);

CREATE TABLE inventory_ledger (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  location_id uuid NOT NULL,
  variant_id  uuid NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('sale', 'return', 'receive', 'adjust', 'transfer', 'waste', 'count')),
  delta       numeric(14,3) NOT NULL,
  balance     numeric(14,3) NOT NULL,
  at          timestamptz NOT NULL,
  user_id     uuid REFERENCES "user",
  reference   text NOT NULL DEFAULT '',
  reason      text NOT NULL DEFAULT '',
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, location_id) REFERENCES location (business_id, id),
  FOREIGN KEY (business_id, variant_id) REFERENCES product_variant (business_id, id)
);
-- get_inventory: stock as of an instant, last count
CREATE INDEX inventory_ledger_variant ON inventory_ledger (business_id, variant_id, location_id, at);

-- Sales -------------------------------------------------------------------------------------------------------------

CREATE TABLE cash_session (
  business_id    uuid NOT NULL REFERENCES business,
  id             uuid NOT NULL DEFAULT uuid_v7(),
  location_id    uuid NOT NULL,
  register       text NOT NULL,
  opened_by      uuid NOT NULL REFERENCES "user",
  opened_at      timestamptz NOT NULL,
  closed_at      timestamptz,
  float_minor    bigint NOT NULL DEFAULT 0 CHECK (float_minor >= 0),
  expected_minor bigint,
  counted_minor  bigint,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, location_id) REFERENCES location (business_id, id)
);
CREATE INDEX cash_session_open ON cash_session (business_id) WHERE closed_at IS NULL; -- summarize_day: drawers still open

CREATE TABLE cash_movement (
  business_id  uuid NOT NULL REFERENCES business,
  id           uuid NOT NULL DEFAULT uuid_v7(),
  session_id   uuid NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('in', 'out')),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  at           timestamptz NOT NULL,
  reason       text NOT NULL DEFAULT '',
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, session_id) REFERENCES cash_session (business_id, id)
);
CREATE INDEX cash_movement_session ON cash_movement (business_id, session_id);

-- Amounts are never negative: type gives the sign. An exchange is two rows, a return and an exchange, both with
-- parent_sale_id. business_day is set by a trigger, for every writer.
CREATE TABLE sale (
  business_id     uuid NOT NULL REFERENCES business,
  id              uuid NOT NULL DEFAULT uuid_v7(),
  location_id     uuid NOT NULL,
  number          text NOT NULL,
  external_source text,
  external_number text,
  type            text NOT NULL DEFAULT 'sale' CHECK (type IN ('sale', 'return', 'exchange')),
  parent_sale_id  uuid,
  status          text NOT NULL DEFAULT 'completed' CHECK (status IN ('draft', 'completed', 'voided')),
  customer_id     uuid,
  staff_id        uuid,
  session_id      uuid,
  channel         text NOT NULL DEFAULT 'counter',
  opened_at       timestamptz NOT NULL,
  closed_at       timestamptz,
  at              timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(closed_at, opened_at)) STORED,
  business_day    date NOT NULL,
  gross_minor     bigint NOT NULL DEFAULT 0 CHECK (gross_minor >= 0),
  discount_minor  bigint NOT NULL DEFAULT 0 CHECK (discount_minor >= 0),
  tax_minor       bigint NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
  total_minor     bigint NOT NULL DEFAULT 0 CHECK (total_minor >= 0),
  paid_minor      bigint NOT NULL DEFAULT 0 CHECK (paid_minor >= 0),
  tip_minor       bigint NOT NULL DEFAULT 0 CHECK (tip_minor >= 0),
  voided_at       timestamptz,
  voided_by       uuid REFERENCES "user",
  void_reason     text NOT NULL DEFAULT '',
  discount_by     uuid REFERENCES "user",
  discount_reason text NOT NULL DEFAULT '',
  fel_status      text NOT NULL DEFAULT 'none' CHECK (fel_status IN ('none', 'pending', 'certified', 'rejected', 'annulled')),
  fel_uuid        text NOT NULL DEFAULT '',
  note            text NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  UNIQUE (business_id, id, business_day, location_id), -- what a line's copy of day and location points to
  CHECK (status <> 'completed' OR closed_at IS NOT NULL),
  CHECK (gross_minor - discount_minor = total_minor),
  FOREIGN KEY (business_id, location_id) REFERENCES location (business_id, id),
  FOREIGN KEY (business_id, parent_sale_id) REFERENCES sale (business_id, id),
  FOREIGN KEY (business_id, customer_id) REFERENCES customer (business_id, id),
  FOREIGN KEY (business_id, staff_id) REFERENCES business_user (business_id, user_id),
  FOREIGN KEY (business_id, session_id) REFERENCES cash_session (business_id, id)
);
CREATE INDEX sale_day ON sale (business_id, business_day); -- every report
CREATE INDEX sale_at ON sale (business_id, at DESC, id DESC); -- list_orders: newest first, paged
CREATE INDEX sale_number ON sale (business_id, number); -- get_order by number
CREATE INDEX sale_parent ON sale (business_id, parent_sale_id) WHERE parent_sale_id IS NOT NULL; -- get_order: its returns
CREATE INDEX sale_customer ON sale (business_id, customer_id, at) WHERE customer_id IS NOT NULL;
CREATE UNIQUE INDEX sale_external ON sale (business_id, external_source, external_number); -- import: known invoices

-- The day a sale belongs to: its closing (or opening) moment on the location's clock, less the business's day cut.
-- It moves only with the sale's own times or place, so changing a zone or a cut does not rewrite past days.
-- +goose StatementBegin
CREATE FUNCTION sale_business_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT ((coalesce(NEW.closed_at, NEW.opened_at) AT TIME ZONE l.timezone) - b.day_cut)::date
  INTO STRICT NEW.business_day
  FROM location l
  JOIN business b ON b.id = l.business_id
  WHERE l.business_id = NEW.business_id AND l.id = NEW.location_id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER sale_day_set BEFORE INSERT ON sale FOR EACH ROW EXECUTE FUNCTION sale_business_day();
CREATE TRIGGER sale_day_moved BEFORE UPDATE OF closed_at, opened_at, location_id, business_day ON sale
  FOR EACH ROW WHEN ((NEW.closed_at, NEW.opened_at, NEW.location_id, NEW.business_day)
    IS DISTINCT FROM (OLD.closed_at, OLD.opened_at, OLD.location_id, OLD.business_day))
  EXECUTE FUNCTION sale_business_day();

CREATE TABLE sale_detail (
  business_id      uuid NOT NULL REFERENCES business,
  id               uuid NOT NULL DEFAULT uuid_v7(),
  sale_id          uuid NOT NULL,
  line_no          int NOT NULL CHECK (line_no > 0),
  product_id       uuid NOT NULL,
  variant_id       uuid NOT NULL,
  description      text NOT NULL,
  quantity         numeric(14,3) NOT NULL CHECK (quantity >= 0),
  unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
  unit_cost_minor  bigint CHECK (unit_cost_minor >= 0), -- null: cost not known when sold
  discount_minor   bigint NOT NULL DEFAULT 0 CHECK (discount_minor >= 0),
  tax_rate_bp      int NOT NULL CHECK (tax_rate_bp BETWEEN 0 AND 10000),
  tax_minor        bigint NOT NULL CHECK (tax_minor >= 0),
  total_minor      bigint NOT NULL CHECK (total_minor >= 0),
  business_day     date NOT NULL,
  location_id      uuid NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, sale_id, line_no), -- lines are read with their sale; id is a name for the line, not a way to it
  FOREIGN KEY (business_id, sale_id, business_day, location_id)
    REFERENCES sale (business_id, id, business_day, location_id) ON UPDATE CASCADE,
  FOREIGN KEY (business_id, product_id) REFERENCES product (business_id, id),
  FOREIGN KEY (business_id, variant_id) REFERENCES product_variant (business_id, id)
);
CREATE INDEX sale_detail_product ON sale_detail (business_id, product_id, business_day); -- days of cover, units of 30 days

-- A writer that leaves out the line's day and location gets the sale's.
-- +goose StatementBegin
CREATE FUNCTION sale_detail_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT s.business_day, s.location_id INTO STRICT NEW.business_day, NEW.location_id
  FROM sale s
  WHERE s.business_id = NEW.business_id AND s.id = NEW.sale_id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER sale_detail_day_set BEFORE INSERT ON sale_detail
  FOR EACH ROW WHEN (NEW.business_day IS NULL OR NEW.location_id IS NULL) EXECUTE FUNCTION sale_detail_day();

CREATE TABLE payment (
  business_id     uuid NOT NULL REFERENCES business,
  id              uuid NOT NULL DEFAULT uuid_v7(),
  sale_id         uuid NOT NULL,
  method          text NOT NULL CHECK (method IN ('cash', 'card', 'transfer', 'credit', 'other')),
  amount_minor    bigint NOT NULL CHECK (amount_minor >= 0), -- without tip and change
  tip_minor       bigint NOT NULL DEFAULT 0 CHECK (tip_minor >= 0),
  at              timestamptz NOT NULL,
  reference_last4 text NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, sale_id) REFERENCES sale (business_id, id)
);
CREATE INDEX payment_sale ON payment (business_id, sale_id); -- payments of a sale; reports by payment method

-- Restaurant --------------------------------------------------------------------------------------------------------

CREATE TABLE dining_area (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  location_id uuid NOT NULL,
  name        text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, location_id) REFERENCES location (business_id, id)
);

CREATE TABLE dining_table (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  area_id     uuid NOT NULL,
  name        text NOT NULL,
  seats       int NOT NULL DEFAULT 4 CHECK (seats > 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, area_id) REFERENCES dining_area (business_id, id)
);

CREATE TABLE "order" (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  location_id uuid NOT NULL,
  table_id    uuid,
  sale_id     uuid, -- once it is paid
  status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed', 'cancelled')),
  opened_at   timestamptz NOT NULL,
  closed_at   timestamptz,
  guest_count int NOT NULL DEFAULT 1 CHECK (guest_count > 0),
  staff_id    uuid,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, location_id) REFERENCES location (business_id, id),
  FOREIGN KEY (business_id, table_id) REFERENCES dining_table (business_id, id),
  FOREIGN KEY (business_id, sale_id) REFERENCES sale (business_id, id),
  FOREIGN KEY (business_id, staff_id) REFERENCES business_user (business_id, user_id)
);
CREATE INDEX order_open ON "order" (business_id, opened_at) WHERE status = 'open'; -- summarize_day: open tables
CREATE INDEX order_sale ON "order" (business_id, sale_id) WHERE sale_id IS NOT NULL; -- get_order: its table

CREATE TABLE order_item (
  business_id      uuid NOT NULL REFERENCES business,
  id               uuid NOT NULL DEFAULT uuid_v7(),
  order_id         uuid NOT NULL,
  product_id       uuid NOT NULL,
  variant_id       uuid NOT NULL,
  quantity         numeric(14,3) NOT NULL CHECK (quantity > 0),
  unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
  status           text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'preparing', 'ready', 'served', 'cancelled')),
  fired_at         timestamptz,
  voided_at        timestamptz,
  void_reason      text NOT NULL DEFAULT '',
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, order_id) REFERENCES "order" (business_id, id),
  FOREIGN KEY (business_id, product_id) REFERENCES product (business_id, id),
  FOREIGN KEY (business_id, variant_id) REFERENCES product_variant (business_id, id)
);
CREATE INDEX order_item_order ON order_item (business_id, order_id);

-- Credit ------------------------------------------------------------------------------------------------------------

CREATE TABLE receivable (
  business_id     uuid NOT NULL REFERENCES business,
  id              uuid NOT NULL DEFAULT uuid_v7(),
  customer_id     uuid NOT NULL,
  sale_id         uuid,
  document_number text NOT NULL DEFAULT '',
  issued_on       date NOT NULL,
  due_on          date NOT NULL,
  status          text NOT NULL DEFAULT 'APPROVED' CHECK (status IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'SCHEDULED', 'PAID', 'VOID')),
  amount_minor    bigint NOT NULL CHECK (amount_minor >= 0),
  balance_minor   bigint NOT NULL CHECK (balance_minor BETWEEN 0 AND amount_minor),
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, customer_id) REFERENCES customer (business_id, id),
  FOREIGN KEY (business_id, sale_id) REFERENCES sale (business_id, id)
);
CREATE INDEX receivable_sale ON receivable (business_id, sale_id) WHERE sale_id IS NOT NULL; -- list_orders: what is owed

CREATE TABLE receivable_payment (
  business_id   uuid NOT NULL REFERENCES business,
  id            uuid NOT NULL DEFAULT uuid_v7(),
  receivable_id uuid NOT NULL,
  amount_minor  bigint NOT NULL CHECK (amount_minor >= 0),
  method        text NOT NULL DEFAULT 'cash' CHECK (method IN ('cash', 'card', 'transfer', 'other')),
  at            timestamptz NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, receivable_id) REFERENCES receivable (business_id, id)
);
CREATE INDEX receivable_payment_receivable ON receivable_payment (business_id, receivable_id);

-- Projects (PSA) ----------------------------------------------------------------------------------------------------

CREATE TABLE psa_board (
  business_id    uuid NOT NULL REFERENCES business,
  id             uuid NOT NULL DEFAULT uuid_v7(),
  customer_id    uuid NOT NULL, -- the client
  name           text NOT NULL,
  status         text NOT NULL DEFAULT 'active' CHECK (status IN ('planned', 'active', 'paused', 'done', 'cancelled')),
  manager_id     uuid,
  starts_on      date,
  due_on         date,
  fee_minor      bigint CHECK (fee_minor >= 0), -- agreed price; null: by the hour
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, customer_id) REFERENCES customer (business_id, id),
  FOREIGN KEY (business_id, manager_id) REFERENCES business_user (business_id, user_id)
);

CREATE TABLE psa_phase (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  board_id    uuid NOT NULL,
  name        text NOT NULL,
  position    int NOT NULL,
  status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'done')),
  due_on      date,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, board_id) REFERENCES psa_board (business_id, id)
);
CREATE INDEX psa_phase_board ON psa_phase (business_id, board_id, position);

CREATE TABLE psa_step (
  business_id    uuid NOT NULL REFERENCES business,
  id             uuid NOT NULL DEFAULT uuid_v7(),
  phase_id       uuid NOT NULL,
  name           text NOT NULL,
  position       int NOT NULL,
  status         text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'done')),
  due_on         date,
  hours_budgeted numeric(14,3) NOT NULL DEFAULT 0 CHECK (hours_budgeted >= 0),
  hours_used     numeric(14,3) NOT NULL DEFAULT 0 CHECK (hours_used >= 0),
  rate_minor     bigint NOT NULL DEFAULT 0 CHECK (rate_minor >= 0), -- an hour
  billable       boolean NOT NULL DEFAULT true,
  invoiced       boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, phase_id) REFERENCES psa_phase (business_id, id)
);
CREATE INDEX psa_step_phase ON psa_step (business_id, phase_id, position);

CREATE TABLE psa_time_entry (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  step_id     uuid NOT NULL,
  user_id     uuid NOT NULL,
  worked_on   date NOT NULL,
  hours       numeric(14,3) NOT NULL CHECK (hours > 0),
  billable    boolean NOT NULL DEFAULT true,
  note        text NOT NULL DEFAULT '',
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, step_id) REFERENCES psa_step (business_id, id),
  FOREIGN KEY (business_id, user_id) REFERENCES business_user (business_id, user_id)
);
CREATE INDEX psa_time_entry_day ON psa_time_entry (business_id, worked_on);

CREATE TABLE psa_invoice_draft (
  business_id  uuid NOT NULL REFERENCES business,
  id           uuid NOT NULL DEFAULT uuid_v7(),
  board_id     uuid NOT NULL,
  issued_on    date NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  status       text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'sent', 'paid', 'void')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, board_id) REFERENCES psa_board (business_id, id)
);

CREATE TABLE staff_capacity (
  business_id  uuid NOT NULL REFERENCES business,
  user_id      uuid NOT NULL,
  weekly_hours numeric(14,3) NOT NULL CHECK (weekly_hours >= 0),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, user_id),
  FOREIGN KEY (business_id, user_id) REFERENCES business_user (business_id, user_id)
);

-- Credentials and their record ----------------------------------------------------------------------------------------

CREATE TABLE mcp_api_key (
  id           uuid PRIMARY KEY DEFAULT uuid_v7(),
  business_id  uuid REFERENCES business, -- null: platform operator
  key_hash     bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32), -- SHA-256 of the key; the key itself is nowhere
  hint         text NOT NULL, -- for people: the first and last characters
  role         text NOT NULL CHECK (role IN ('platform_operator', 'tenant_developer', 'merchant')),
  member_role  text NOT NULL DEFAULT 'owner', -- the member role that the key acts as
  scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
  label        text NOT NULL DEFAULT '',
  is_active    boolean NOT NULL DEFAULT true,
  created_by   uuid REFERENCES "user",
  expires_at   timestamptz,
  last_used_at timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  CHECK ((role = 'platform_operator') = (business_id IS NULL))
);
CREATE INDEX mcp_api_key_business ON mcp_api_key (business_id);

-- Ids of MCP sessions that were closed before they expired. A session id carries its session, so this short list is
-- the only thing to remember about sessions without Redis.
CREATE TABLE mcp_closed_session (
  id_hash    bytea PRIMARY KEY CHECK (length(id_hash) = 16), -- start of the SHA-256 of the session id
  closed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX mcp_closed_session_closed ON mcp_closed_session (closed_at); -- what is new since the last look
CREATE INDEX mcp_closed_session_expires ON mcp_closed_session (expires_at); -- what can go

-- An operator's stay in one business: who, where, why, until when.
CREATE TABLE mcp_operator_access (
  id           uuid PRIMARY KEY DEFAULT uuid_v7(),
  key_id       uuid NOT NULL REFERENCES mcp_api_key ON DELETE CASCADE,
  session_hash bytea, -- the MCP session that it is the active tenant of; null: set outside a session
  business_id  uuid NOT NULL REFERENCES business,
  reason       text NOT NULL CHECK (length(reason) >= 10),
  read_only    boolean NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL
);
CREATE INDEX mcp_operator_access_key ON mcp_operator_access (key_id, expires_at);

-- Secrets that every instance must share; made by `flowpos migrate`.
CREATE TABLE mcp_secret (
  name       text PRIMARY KEY,
  value      bytea NOT NULL CHECK (length(value) >= 32),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE audit_log (
  business_id uuid NOT NULL REFERENCES business,
  id          uuid NOT NULL DEFAULT uuid_v7(),
  entity      text NOT NULL,
  entity_id   text NOT NULL,
  action      text NOT NULL,
  old         jsonb,
  new         jsonb,
  user_id     uuid REFERENCES "user",
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);

-- Append-only tables refuse changes from every role.
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER inventory_ledger_append_only BEFORE UPDATE OR DELETE ON inventory_ledger FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- +goose StatementBegin
DO $$
DECLARE t text;
BEGIN
  FOR t IN
    SELECT c.table_name FROM information_schema.columns c
    JOIN information_schema.tables b USING (table_schema, table_name)
    WHERE c.table_schema = current_schema() AND c.column_name = 'updated_at' AND b.table_type = 'BASE TABLE'
      AND c.table_name NOT IN ('audit_log', 'inventory_ledger')
  LOOP
    EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION touch_updated_at()', t);
  END LOOP;
END $$;
-- +goose StatementEnd
