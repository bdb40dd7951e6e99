"""What goes to models and comes back: kept where a project asks for it, masked before it is stored."""
