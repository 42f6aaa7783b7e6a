-- Yamux for Wireshark and tshark, in captures of p2plab's: yamux/README.md, "Framing", and multistream-select's lines.
--
--     tshark -X lua_script:yamux.lua -r run.pcapng -O yamux
--
-- or put this file into Wireshark's folder of personal Lua plugins (Help, About, Folders).

local yamux = Proto("yamux", "Yamux (libp2p stream multiplexer)")

local TYPES = { [0] = "data", [1] = "window update", [2] = "ping", [3] = "go away" }
local HEADER = 12

local fields = yamux.fields
fields.version = ProtoField.uint8("yamux.version", "Version")
fields.type = ProtoField.uint8("yamux.type", "Type", base.DEC, TYPES)
fields.flags = ProtoField.uint16("yamux.flags", "Flags", base.HEX)
fields.syn = ProtoField.bool("yamux.flags.syn", "SYN", 16, nil, 0x1)
fields.ack = ProtoField.bool("yamux.flags.ack", "ACK", 16, nil, 0x2)
fields.fin = ProtoField.bool("yamux.flags.fin", "FIN", 16, nil, 0x4)
fields.rst = ProtoField.bool("yamux.flags.rst", "RST", 16, nil, 0x8)
fields.stream = ProtoField.uint32("yamux.stream", "Stream")
fields.length = ProtoField.uint32("yamux.length", "Length, credit, value or reason")
fields.body = ProtoField.bytes("yamux.body", "Body")
fields.line = ProtoField.string("yamux.multistream", "multistream-select")

-- A line of multistream-select at an offset, with its length in front; nil where there is none.
local function line_at(buffer, offset)
    local left = buffer:len() - offset
    if left < 2 then return nil end
    local length = buffer(offset, 1):uint()
    if length < 2 or length > 127 or left < length + 1 then return nil end
    local text = buffer(offset + 1, length):raw()
    if text:sub(-1) ~= "\n" or not (text:sub(1, 1) == "/" or text == "na\n" or text == "ls\n") then return nil end
    return buffer(offset, length + 1), text:sub(1, -2)
end

local function is_header(buffer, offset)
    return buffer:len() - offset >= HEADER
        and buffer(offset, 1):uint() == 0
        and buffer(offset + 1, 1):uint() <= 3
        and buffer(offset + 2, 2):uint() <= 15
end

local function add_lines(buffer, tree, words)
    local offset = 0
    while true do
        local range, text = line_at(buffer, offset)
        if range == nil then return offset end
        tree:add(fields.line, range, text)
        table.insert(words, text)
        offset = offset + range:len()
    end
end

local function add_frame(buffer, offset, length, tree, words)
    local kind, flags = buffer(offset + 1, 1):uint(), buffer(offset + 2, 2)
    local stream, value = buffer(offset + 4, 4):uint(), buffer(offset + 8, 4):uint()
    local frame = tree:add(yamux, buffer(offset, length))
    frame:append_text(string.format(", %s, stream %d", TYPES[kind], stream))
    frame:add(fields.version, buffer(offset, 1))
    frame:add(fields.type, buffer(offset + 1, 1))
    local bits = frame:add(fields.flags, flags)
    for _, name in ipairs({ "syn", "ack", "fin", "rst" }) do bits:add(fields[name], flags) end
    frame:add(fields.stream, buffer(offset + 4, 4))
    frame:add(fields.length, buffer(offset + 8, 4))
    table.insert(words, string.format("%s %d (%d)", TYPES[kind], stream, value))
    if length > HEADER then
        local body = buffer(offset + HEADER, length - HEADER)
        frame:add(fields.body, body)
        add_lines(body:tvb(), frame, words)
    end
end

function yamux.dissector(buffer, pinfo, tree)
    local words = {}
    local negotiation = tree
    if line_at(buffer, 0) ~= nil then negotiation = tree:add(yamux, buffer(), "multistream-select, for the muxer") end
    local offset = add_lines(buffer, negotiation, words)
    while is_header(buffer, offset) do
        local length = HEADER
        if buffer(offset + 1, 1):uint() == 0 then length = length + buffer(offset + 8, 4):uint() end
        if buffer:len() - offset < length then
            pinfo.desegment_offset, pinfo.desegment_len = offset, length - (buffer:len() - offset)
            break
        end
        add_frame(buffer, offset, length, tree, words)
        offset = offset + length
    end
    if #words > 0 then
        pinfo.cols.protocol = "YAMUX"
        pinfo.cols.info = table.concat(words, "; ")
    end
    return buffer:len()
end

local function looks_like_it(buffer, pinfo, tree)
    local begins = line_at(buffer, 0) ~= nil
    if not begins and not is_header(buffer, 0) then return false end
    pinfo.conversation = yamux
    yamux.dissector(buffer, pinfo, tree)
    return true
end

yamux:register_heuristic("tcp", looks_like_it)
DissectorTable.get("tcp.port"):add_for_decode_as(yamux)
