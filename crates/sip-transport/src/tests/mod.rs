mod datagrams;
