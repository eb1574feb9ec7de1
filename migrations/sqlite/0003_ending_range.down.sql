ALTER TABLE orders ADD COLUMN ending INTEGER CHECK (ending IN (8, 9, 10));
UPDATE orders SET ending = ended_as WHERE ended_as IS NOT NULL;
ALTER TABLE orders DROP COLUMN ended_as;
ALTER TABLE orders RENAME COLUMN ending TO ended_as;
