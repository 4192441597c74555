//! The directory of trunks, tenants, numbers, plans: who gets the call.
