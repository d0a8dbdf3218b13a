-- What the test `neovim` asks of a real editor: says what it sees, and ends with an error when it waits in vain.
local buffer = vim.api.nvim_get_current_buf()

local function say(text)
  io.stdout:write(text .. "\n")
end

local function wait(what, ready)
  if not vim.wait(20000, ready, 20) then
    say("waited in vain for " .. what)
    vim.cmd("cquit")
  end
end

local function codes()
  local found = {}
  for _, d in ipairs(vim.diagnostic.get(buffer)) do
    found[tostring(d.code or (d.user_data and d.user_data.lsp and d.user_data.lsp.code))] = true
  end
  return found
end

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(buffer, method, params, 20000)
  for _, answer in pairs(answers or {}) do
    return answer.result
  end
end

wait("findings", function() return next(codes()) ~= nil end)
for code in pairs(codes()) do say("finding " .. code) end

local place = { textDocument = vim.lsp.util.make_text_document_params(buffer), position = { line = 4, character = 10 } }
say("hover " .. ask("textDocument/hover", place).contents.value:gsub("```dq.-```", ""):gsub("\n", " "):gsub("^ *", ""))

local range = { start = { line = 7, character = 20 }, ["end"] = { line = 7, character = 20 } }
local actions = ask("textDocument/codeAction", {
  textDocument = place.textDocument,
  range = range,
  context = { diagnostics = vim.lsp.diagnostic.get_line_diagnostics(buffer, 7) },
})
for _, action in ipairs(actions or {}) do
  if action.title:find("=") then
    vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
  end
end
say("fixed " .. vim.api.nvim_buf_get_lines(buffer, 7, 8, false)[1])

wait("the name's finding", function() return codes()["DQ0201"] and not codes()["DQ0110"] end)
for code in pairs(codes()) do say("finding " .. code) end
vim.cmd("qall!")
