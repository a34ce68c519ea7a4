# Thirty clusters for a class of thirty tables, all made of one definition in the
# folder cluster. Each table has a network of its own, 10.20.TABLE.0/24.
#
#   lvsup validate plans/examples/class
#   lvsup apply --cluster table-7-web plans/examples/class
#
# A teacher's machine has more in its ~/.ssh/config than this plan says: where
# table-7-master and its like are.

variable "tables" {
  type        = number
  default     = 30
  description = "How many tables there are"
  validation {
    condition     = var.tables >= 1 && var.tables <= 200
    error_message = "There are 1 to 200 tables, and not ${var.tables}."
  }
}

# These hold for all clusters.
connection {
  user = "root"
}

module "table" {
  source   = "./cluster"
  for_each = toset([for n in range(var.tables) : tostring(n + 1)])
  network  = cidrsubnet("10.20.0.0/16", 8, tonumber(each.key))
  title    = "Table ${each.key}"
}
