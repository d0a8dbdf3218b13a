-- dq in Neovim, 0.7 or newer: `:source` this, or copy it to ~/.config/nvim/plugin/dqc.lua.
-- The server is the program in $DQC, else `dqc` on the path.

local group = vim.api.nvim_create_augroup("dqc", {})

vim.api.nvim_create_autocmd({ "BufRead", "BufNewFile" }, {
  group = group,
  pattern = "*.dq",
  callback = function() vim.bo.filetype = "dq" end,
})

local clients = {}

local function root_of(file)
  local found = vim.fn.findfile("dqc.toml", vim.fn.fnamemodify(file, ":p:h") .. ";")
  return vim.fn.fnamemodify(found ~= "" and found or file, ":p:h")
end

vim.api.nvim_create_autocmd("FileType", {
  group = group,
  pattern = "dq",
  callback = function(event)
    vim.bo[event.buf].commentstring = "// %s"
    vim.bo[event.buf].shiftwidth = 4
    vim.bo[event.buf].expandtab = true
    local root = root_of(vim.api.nvim_buf_get_name(event.buf))
    if not clients[root] then
      clients[root] = vim.lsp.start_client({
        name = "dqc",
        cmd = { vim.env.DQC or "dqc", "lsp" },
        root_dir = root,
        workspace_folders = { { uri = vim.uri_from_fname(root), name = vim.fn.fnamemodify(root, ":t") } },
        capabilities = vim.lsp.protocol.make_client_capabilities(),
        on_exit = function() clients[root] = nil end,
      })
    end
    if clients[root] then
      vim.lsp.buf_attach_client(event.buf, clients[root])
    end
  end,
})
