DROP PROCEDURE place_order;
